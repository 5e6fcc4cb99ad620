// All Experiments: what each asks, how far it is, and what may be concluded.

import { path as url } from '../api.js'
import { el } from '../dom.js'
import { badge, empty, fullName, link, span } from '../parts.js'
import { STATES, VERDICTS, shareWords, tones, unitsWords } from '../trials.js'
import { unitWords } from '../words.js'

const AT_ONCE = 6

export const path = /^#\/experiments$/
export const title = () => 'Experiments'

export async function load(_params, ask) {
  const { items } = await ask('/v1/experiments', { query: { namespace: '*' } })
  const results = new Map()
  const begun = items.filter(({ spec }) => ['running', 'stopped'].includes(spec.state))
  for (let first = 0; first < begun.length; first += AT_ONCE) {
    await Promise.all(begun.slice(first, first + AT_ONCE).map(async one => results.set(one, await resultsOf(one, ask))))
  }
  return items.map(document => ({ document, results: results.get(document) ?? null }))
}

/** What one has shown; null where it was deleted meanwhile. */
async function resultsOf({ metadata }, ask) {
  const query = { namespace: metadata.namespace, course: false }
  try {
    return await ask(url('experiments', metadata.name, 'results'), { query })
  } catch (problem) {
    if (problem.status === 404) return null
    throw problem
  }
}

const RANK = { running: 0, draft: 1, stopped: 2 }

export function view(found) {
  const sorted = [...found].sort((one, other) => RANK[stateOf(one.document)] - RANK[stateOf(other.document)])
  return el('div', {},
    el('div', { class: 'head' },
      el('h1', {}, 'Experiments'),
      el('a', { class: 'button main', href: '#/experiments/new' }, 'New experiment')),
    found.length
      ? el('ul', { class: 'cards' }, sorted.map(card))
      : empty(el('h2', {}, 'Nothing is being asked yet'),
        el('p', {}, 'An Experiment lets a Route answer in several ways and shows which is better, as often as you look.')))
}

const stateOf = document => document.spec.state ?? 'draft'

function card({ document, results }) {
  const { metadata, spec } = document
  const verdict = results?.verdict
  return el('li', { class: 'card', 'data-key': `${metadata.namespace}/${metadata.name}` },
    el('div', { class: 'head' },
      el('h2', {}, el('a', { href: link('experiments', document) }, fullName(metadata))),
      badge(...STATES[stateOf(document)])),
    el('p', { class: 'quiet' }, 'Route ', el('b', {}, spec.route), ` by ${unitWords(spec.unit)}`),
    shares(spec.arms, results?.arms),
    verdict && el('p', { class: `said ${VERDICTS[verdict.code]?.[1]}` }, verdict.text),
    el('p', { class: 'quiet foot' },
      results && unitsWords(results.arms.reduce((sum, arm) => sum + arm.units, 0)),
      results?.since && [' in ', span(results.since)]))
}

/** Arms and what they get, as a bar and in words. */
export function shares(arms, counted) {
  const weights = arms.map((arm, index) => counted?.[index]?.weight ?? arm.weight ?? 1)
  const whole = weights.reduce((sum, weight) => sum + weight, 0)
  const tone = tones(arms.map(arm => arm.name))
  return el('ul', { class: 'shares', 'aria-label': 'Arms' }, arms.map((arm, index) =>
    el('li', { class: tone[arm.name] }, el('span', { class: 'dot' }), arm.name, ' ', el('b', {}, shareWords(weights[index], whole)))))
}
