// All Rollouts: what each changes, and how far it is.

import { path as url } from '../api.js'
import { el } from '../dom.js'
import { badge, empty, fullName, link, since } from '../parts.js'
import { steps } from '../steps.js'
import { OVER, PHASES } from '../trials.js'
import { sentence } from '../words.js'

export const path = /^#\/rollouts$/
export const title = () => 'Rollouts'

export async function load(_params, ask) {
  const { items } = await ask('/v1/rollouts', { query: { namespace: '*' } })
  const statuses = await Promise.all(items.map(document => statusOf(document, ask)))
  return items.map((document, index) => ({ document, status: statuses[index] })).filter(({ status }) => status)
}

/** How far one is; null where it was deleted meanwhile. */
async function statusOf({ metadata }, ask) {
  try {
    return await ask(url('rollouts', metadata.name, 'status'), { query: { namespace: metadata.namespace } })
  } catch (problem) {
    if (problem.status === 404) return null
    throw problem
  }
}

export function view(found) {
  const sorted = [...found].sort((one, other) => OVER.includes(one.status.phase) - OVER.includes(other.status.phase))
  return el('div', {},
    el('div', { class: 'head' }, el('h1', {}, 'Rollouts')),
    found.length
      ? el('ul', { class: 'cards' }, sorted.map(card))
      : empty(el('h2', {}, 'Nothing is being rolled out'),
        el('p', {}, 'A Rollout brings a change of a Route to more and more of its units, and takes it back as soon as it does harm.')))
}

function card({ document, status }) {
  return el('li', { class: 'card', 'data-key': `${status.namespace}/${status.name}` },
    el('div', { class: 'head' },
      el('h2', {}, el('a', { href: link('rollouts', document) }, fullName(document.metadata))),
      badge(...PHASES[status.phase])),
    el('p', { class: 'quiet' }, 'Route ', el('b', {}, status.route), status.following && ` · ${status.following}`),
    steps(status),
    status.history[0] && el('p', { class: 'said' }, sentence(status.history[0].reasons.map(reason => reason.text).join('; '))),
    el('p', { class: 'quiet foot' }, `The candidate has ${status.weight}%`, status.since && [' · ', since(status.since)]))
}
