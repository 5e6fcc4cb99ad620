// One Route: who answers, and how what it promises stands.

import { path as url } from '../api.js'
import { before, contract, termsOf } from '../contract.js'
import { el } from '../dom.js'
import { facts, fullName } from '../parts.js'
import { chosenWords } from '../words.js'
import { write } from '../yaml.js'

export const path = /^#\/routes\/(?<namespace>[^/]+)\/(?<name>[^/]+)$/
export const title = ({ name }) => name

export async function load({ namespace, name }, ask) {
  const [document, promised] = await Promise.all([ask(url('routes', name), { query: { namespace } }), ask('/v1/promises')])
  const mine = promised.items.filter(each => each.route === fullName(document.metadata))
  return { document, status: mine.find(each => each.current) ?? null, earlier: mine.filter(each => !each.current).reverse() }
}

export function view({ document, status, earlier }) {
  const { metadata, spec } = document
  const terms = termsOf(spec)
  return el('div', {},
    el('p', { class: 'trail' }, el('a', { href: '#/routes' }, 'Routes')),
    el('div', { class: 'head' }, el('h1', {}, fullName(metadata))),
    terms && contract(terms, status),
    before(earlier),
    el('section', { 'aria-labelledby': 'about' }, el('h2', { id: 'about' }, 'About'), about(metadata, spec)),
    el('details', { class: 'card' }, el('summary', {}, 'The document'), el('pre', { tabindex: '0' }, write(document))))
}

function about(metadata, spec) {
  const { model, tiers, resilience = {}, prompt, cache = {} } = spec
  return el('div', { class: 'card' }, facts([
    ['Callers write', `model: ${model ?? fullName(metadata)}`],
    ['Light tier', tiers.light?.join(', ')],
    ['Heavy tier', tiers.heavy?.join(', ')],
    ['Which tier', chosenWords(spec)],
    ['Where none of them can', resilience.fallbacks?.join(', ')],
    ['Prompt', prompt?.name],
    ['Answers of like questions', cache.semantic ? `wrong in at most ${cache.semantic.maxErrorRate ?? 0.01} of requests` : null],
  ]))
}
