// All Routes: who answers their requests, and how what they promise stands.

import { standing, termsOf } from '../contract.js'
import { el } from '../dom.js'
import { empty, fullName, link } from '../parts.js'
import { chosenWords } from '../words.js'

export const path = /^#\/routes$/
export const title = () => 'Routes'

export async function load(_params, ask) {
  const [{ items }, promised] = await Promise.all([ask('/v1/routes', { query: { namespace: '*' } }), ask('/v1/promises')])
  const current = new Map(promised.items.filter(each => each.current).map(each => [each.route, each]))
  return items.map(document => ({ document, status: current.get(fullName(document.metadata)) ?? null }))
}

export function view(found) {
  return el('div', {},
    el('div', { class: 'head' }, el('h1', {}, 'Routes')),
    found.length
      ? el('ul', { class: 'cards' }, found.map(card))
      : empty(el('h2', {}, 'Nobody can ask anything yet'),
        el('p', {}, 'A Route is the name that callers use. It says which Models answer, and when the heavy ones do.')))
}

function card({ document, status }) {
  const { metadata, spec } = document
  const terms = termsOf(spec)
  return el('li', { class: 'card', 'data-key': `${metadata.namespace}/${metadata.name}` },
    el('div', { class: 'head' },
      el('h2', {}, el('a', { href: link('routes', document) }, fullName(metadata))),
      terms && standing(status)),
    ['light', 'heavy'].map(tier => spec.tiers[tier]?.length > 0 && el('p', { class: 'quiet' }, `${tier}: `, el('b', {}, spec.tiers[tier].join(', ')))),
    el('p', { class: 'quiet foot' }, chosenWords(spec)))
}
