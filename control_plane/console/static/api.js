// The public API: the only thing that the pages ask.

const KEPT = 'tiermesh-token'
let token = kept()

/** What the API answers where it refuses (RFC 9457), or that it does not answer. */
export class Problem extends Error {
  constructor({ status = 0, detail, hint = '', errors = [], current, yours }) {
    super(detail)
    Object.assign(this, { status, hint, errors, current, yours })
  }

  /** In one or two sentences. */
  get words() {
    return `${this.message} ${this.hint}`.trim()
  }
}

/** Ask, and read the answer. Throws a Problem. The token travels in a header, never in an address. */
export async function ask(path, { method = 'GET', query = {}, body, signal } = {}) {
  const headers = token ? { authorization: `Bearer ${token}` } : {}
  if (body !== undefined) headers['content-type'] = 'application/json'
  const said = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== ''))
  const url = said.size ? `${path}?${said}` : path
  const sent = { method, headers, signal, credentials: 'omit', cache: 'no-store', body: body && JSON.stringify(body) }
  const answer = await fetch(url, sent).catch(error => {
    if (error.name === 'AbortError') throw error
    throw new Problem({ detail: 'The control plane does not answer.', hint: 'It is asked again every five seconds.' })
  })
  const said_back = answer.status === 204 ? null : await answer.json().catch(() => null)
  if (!answer.ok) throw new Problem({ detail: `The control plane answers ${answer.status}.`, ...said_back, status: answer.status })
  return said_back
}

/** A path of the API: its parts are names, which may hold anything. */
export const path = (...parts) => `/v1/${parts.map(encodeURIComponent).join('/')}`

/** Show this token from now on, in this tab alone; an empty one is forgotten. */
export function show(secret) {
  token = secret
  try {
    if (secret) sessionStorage.setItem(KEPT, secret)
    else sessionStorage.removeItem(KEPT)
  } catch { /* a browser that keeps nothing: it is in memory still */ }
}

export const hasToken = () => token !== ''

function kept() {
  try {
    return sessionStorage.getItem(KEPT) ?? ''
  } catch {
    return ''
  }
}
