// A Route's quality contract: what it promises, and what reports show of that.

import { bound } from './bound.js'
import { el } from './dom.js'
import { badge, facts } from './parts.js'
import { count, figures } from './words.js'

/** Code -> heading, tone, and what follows from it. */
const STATES = {
  shown: ['It is shown to hold', 'good', 'Reports show that no more is lost than was promised.'],
  unsure: ['Not shown either way', 'busy', 'Reports show neither that it holds nor that it is broken, so far.'],
  broken: ['It is broken', 'bad', 'Reports show that more is lost than was promised. Requests go to the heavy tier, but for those that explore, '
    + 'until the Route names another artifact or other terms.'],
}
const UNHEARD = ['Nothing is known yet', 'still', 'No request that explored was reported of. Callers say how good answers were with POST /v1/feedback.']
const UNWATCHED = ['Nobody watches it', 'still', 'No request explores: contract.exploration is 0.']

/** What a Route's document promises, with what it leaves out; null where it promises nothing. */
export function termsOf({ complexity = {} }) {
  if (!complexity.router || !complexity.contract) return null
  return { maxQualityLoss: 0.02, confidence: 0.95, exploration: 0.02, outcome: 'quality', router: complexity.router, ...complexity.contract }
}

/** In two words, for a list. */
export const standing = status => badge(`contract ${status?.state ?? 'unsure'}`, status?.seen ? STATES[status.state][1] : 'still')

/** How it stands. `said` is what the API says of this promise, if anything. */
export function contract(terms, said) {
  const status = said?.seen ? said : null
  const [heading, tone, says] = status ? STATES[status.state] : terms.exploration ? UNHEARD : UNWATCHED
  const stopped = status && !terms.exploration && status.state !== 'broken'
  return el('section', { 'aria-labelledby': 'contract' }, el('h2', { id: 'contract' }, 'Quality contract'),
    el('div', { class: 'charts' }, el('div', { class: `card verdict ${tone}` },
      el('div', { role: 'status' }, el('h3', {}, heading), el('p', {}, says), stopped && el('p', {}, UNWATCHED[2])),
      status && el('div', { class: 'sight' }, drawn(terms, status), found(status)),
      promised(terms))))
}

function promised({ maxQualityLoss, outcome, confidence, exploration, router }) {
  return facts([
    ['Lost at most', `${figures(maxQualityLoss)} of ${outcome} a request, against all to the heavy tier`],
    ['Confidence', share(confidence)],
    ['Explores', `${share(exploration)} of requests, by a coin`],
    ['Artifact', router],
  ])
}

function found({ loss, byPropensity, seen, below }) {
  return facts([
    ['Lost by estimate', figures(loss.value)],
    ['Interval', interval(loss)],
    ['By propensities alone', `${figures(byPropensity.value)}, ${interval(byPropensity)}`],
    ['Reports', `${count(seen)} of requests that explored; ${count(below)} of these are below the threshold`],
  ])
}

/** What was promised before, as far as anything was reported of it. */
export function before(statuses) {
  const heard = statuses.filter(each => each.seen)
  if (!heard.length) return null
  return el('section', { 'aria-labelledby': 'before' }, el('h2', { id: 'before' }, 'What it promised before'),
    el('div', { class: 'card scroll', tabindex: '0', role: 'group', 'aria-labelledby': 'before' }, el('table', {},
      el('thead', {}, el('tr', {}, ['Promise', 'Stood', 'Lost by estimate', 'Reports'].map(name => el('th', { scope: 'col' }, name)))),
      el('tbody', {}, heard.map(each => el('tr', {},
        el('td', { class: 'words' }, each.promise),
        el('td', {}, badge(each.state, STATES[each.state][1])),
        el('td', {}, `${figures(each.loss.value)}, ${interval(each.loss)}`),
        el('td', {}, count(each.seen))))))))
}

const share = part => `${figures(part * 100)}%`

/** Whether it says anything: quality lies between 0 and 1, and what is lost of it between -1 and 1. */
const known = ({ low, high }) => low > -1 || high < 1

const interval = loss => (known(loss) ? `${figures(loss.low)} to ${figures(loss.high)}` : 'no interval yet')

function drawn({ maxQualityLoss }, { loss }) {
  if (!known(loss)) return null
  const label = `Lost by estimate ${figures(loss.value)}, interval ${interval(loss)}; the bound is ${figures(maxQualityLoss)}.`
  return el('figure', {},
    el('figcaption', { class: 'quiet' }, 'Quality lost a request, within its 95% interval, which holds whenever you look'),
    bound({ ...loss, most: maxQualityLoss, label }))
}
