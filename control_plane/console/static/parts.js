// Parts that several pages are made of.

import { Problem } from './api.js'
import { el } from './dom.js'
import { ago, duration, moment } from './words.js'

/** A state in a word, with a tone: `good`, `bad`, `busy`, `warn` or `still`. */
export const badge = (word, tone = 'still') => el('span', { class: `badge ${tone}` }, word)

/** How long ago, with the moment to be read out and hovered over. */
export const since = at => (at ? el('time', { datetime: at, title: moment(at) }, ago(at)) : null)

/** For how long already. */
export const span = at => el('time', { datetime: at, title: moment(at) }, duration(Math.max(0, (Date.now() - Date.parse(at)) / 1000)))

/** A name and what it is, in pairs; those without are left out. */
export function facts(pairs) {
  return el('dl', { class: 'facts' }, pairs.filter(([, said]) => said !== null && said !== undefined && said !== '')
    .map(([name, said]) => el('div', {}, el('dt', {}, name), el('dd', {}, said))))
}

/** The way to a document's page. */
export const link = (pages, { metadata: { name, namespace = 'default' } }, more = '') =>
  `#/${pages}/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}${more}`

/** With its namespace, where that is not the default one. */
export const fullName = ({ name, namespace = 'default' }) => (namespace === 'default' ? name : `${namespace}/${name}`)

/** What a list shows where it has nothing. */
export const empty = (...said) => el('div', { class: 'card empty' }, ...said)

/**
 * Ask once before something is done: says what will happen, and takes a reason. `act(reason)` may refuse with a Problem,
 * which is then shown; the dialog closes where it does not. Focus goes back to where it was.
 */
export function confirm({ title, says, verb, tone = 'main', act }) {
  const reason = el('input', { id: 'confirm-reason', maxlength: '2000', autocomplete: 'off' })
  const problem = el('p', { class: 'notice bad', role: 'alert', hidden: true })
  const go = el('button', { class: tone, type: 'submit' }, verb)
  const dialog = el('dialog', { 'aria-labelledby': 'confirm-title', 'aria-describedby': 'confirm-says' },
    el('form', { onsubmit: event => { event.preventDefault(); carryOut() } },
      el('h2', { id: 'confirm-title' }, title),
      el('p', { id: 'confirm-says' }, says),
      el('label', { for: 'confirm-reason' }, 'Reason, for the record'),
      reason,
      problem,
      el('div', { class: 'buttons' },
        el('button', { type: 'button', onclick: () => dialog.close() }, 'Leave it'), go),
    ),
  )
  async function carryOut() {
    go.disabled = true
    try {
      await act(reason.value)
      dialog.close()
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      problem.textContent = error.words
      problem.hidden = false
    } finally {
      go.disabled = false
    }
  }
  dialog.addEventListener('close', () => dialog.remove())
  document.body.append(dialog)
  dialog.showModal()
}
