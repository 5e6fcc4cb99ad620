// One Rollout: where it is, what is shown of its guardrails, all that was decided, and what somebody may decide.

import { ask, path as url } from '../api.js'
import { course } from '../course.js'
import { el } from '../dom.js'
import { badge, confirm, facts, fullName, since } from '../parts.js'
import { steps } from '../steps.js'
import { OVER, PHASES, STANDINGS, stepWords } from '../trials.js'
import { count, moment, overrideWords, sentence, unitWords } from '../words.js'
import { write } from '../yaml.js'

export const path = /^#\/rollouts\/(?<namespace>[^/]+)\/(?<name>[^/]+)$/
export const title = ({ name }) => name

export async function load({ namespace, name }, ask) {
  const query = { namespace }
  const [document, status] = await Promise.all([
    ask(url('rollouts', name), { query }),
    ask(url('rollouts', name, 'status'), { query }),
  ])
  return { document, status }
}

export function view({ document, status }, context) {
  const { metadata } = document
  return el('div', {},
    el('p', { class: 'trail' }, el('a', { href: '#/rollouts' }, 'Rollouts')),
    el('div', { class: 'head' }, el('h1', {}, fullName(metadata)), badge(...PHASES[status.phase]), commands(document, status, context)),
    el('section', { class: `card verdict ${PHASES[status.phase][1]}`, 'aria-label': 'Progress' },
      steps(status),
      el('p', { role: 'status' }, where(status)),
      status.evidence.doubt && el('p', { class: 'notice bad', role: 'alert' }, status.evidence.doubt)),
    shares(status),
    guardrails(status),
    el('section', { 'aria-labelledby': 'about' }, el('h2', { id: 'about' }, 'About'), about(document, status)),
    history(status),
    el('details', { class: 'card' }, el('summary', {}, 'The document'), el('pre', { tabindex: '0' }, write(document))))
}

/** Where it is, in a sentence. */
function where({ phase, step, steps: all, weight, problem, paused }) {
  const blocked = problem ? ` ${sentence(problem)}` : ''
  if (phase === 'pending') return `It has not begun.${blocked}`
  if (phase === 'promoted') return 'The Route says now what the candidate did: everybody gets it.'
  if (OVER.includes(phase)) return `It is over: the Route is as it was, and nobody gets the candidate.${blocked}`
  const doing = step < all.length ? `step ${step + 1} of ${all.length}, ${stepWords(all[step])}` : 'behind the last step'
  return `The candidate has ${weight}% of the units; ${doing}${paused ? ', held by somebody' : ''}.${blocked}`
}

const SAYS = {
  promote: status => status.step + 1 < status.steps.length
    ? `It goes on with ${stepWords(status.steps[status.step + 1])}, whatever is shown of the guardrails.`
    : `No step is left: the Route ${status.route} will say what the candidate does, for everybody.`,
  pause: status => `It stays at ${status.weight}% until somebody resumes it. A broken guardrail still takes it back.`,
  resume: () => 'It goes on where it was held.',
  abort: status => `The candidate gets no unit any more, within a second or so, and the Route ${status.route} is as it was. It does not go on after that.`,
}

function commands({ metadata }, status, { again, say }) {
  if (OVER.includes(status.phase)) return null
  const begun = status.phase !== 'pending'
  const offered = [['promote', 'main'], status.paused ? ['resume', ''] : begun && ['pause', ''], ['abort', 'danger']].filter(Boolean)
  const act = verb => async reason => {
    const body = verb === 'promote' ? { reason, step: status.step } : { reason }
    await ask(url('rollouts', metadata.name, verb), { method: 'POST', query: { namespace: metadata.namespace }, body })
    say(`${metadata.name}: ${verb} is carried out.`)
    again()
  }
  return el('div', { class: 'buttons' }, offered.map(([verb, tone]) => {
    const word = verb[0].toUpperCase() + verb.slice(1)
    const asked = { title: `${word} ${metadata.name}?`, says: SAYS[verb](status), verb: word, tone: tone || 'main', act: act(verb) }
    return el('button', { class: tone, onclick: () => confirm(asked) }, word)
  }))
}

function shares(status) {
  const { weight, mirror, evidence } = status
  const [drawn, listed] = course(status)
  const row = (name, share, units, tone) => el('tr', { class: tone },
    el('th', { scope: 'row' }, el('span', { class: 'dot' }), name), el('td', {}, `${share}%`), el('td', {}, units === undefined ? '' : count(units)))
  return el('section', { 'aria-labelledby': 'weights' }, el('h2', { id: 'weights' }, 'Weights'),
    el('div', { class: 'charts' }, el('div', { class: 'card' }, el('div', { class: 'sight' },
      drawn,
      el('div', {},
        el('table', {},
          el('thead', {}, el('tr', {}, ['Arm', 'Share', 'Units measured'].map(name => el('th', { scope: 'col' }, name)))),
          el('tbody', {}, row('stable', 100 - weight, evidence.units.stable, 'arm-0'), row('candidate', weight, evidence.units.candidate, 'arm-1'))),
        mirror > 0 && el('p', { class: 'quiet' }, `The candidate answers copies of ${mirror}% of the requests, and nobody sees its answers.`))),
    listed)))
}

function guardrails({ evidence }) {
  if (!evidence.guardrails.length) return null
  return el('section', { 'aria-labelledby': 'guardrails' }, el('h2', { id: 'guardrails' }, 'Guardrails'),
    el('ul', { class: 'cards' }, evidence.guardrails.map(each => el('li', { class: 'card', 'data-key': each.metric },
      el('div', { class: 'head' }, el('h3', {}, each.metric), badge(...STANDINGS[each.standing])),
      el('p', { class: 'quiet' }, each.text || 'Nothing is known yet.')))))
}

function about({ spec }, status) {
  return el('div', { class: 'card' }, facts([
    ['Route', spec.route],
    ['Unit', unitWords(spec.unit ?? { request: true })],
    ['The candidate does otherwise', overrideWords(spec.override).join(' · ')],
    ['Carries out', status.following ?? (spec.onChange ? `changes of the Route's ${spec.onChange.join(', ')}` : null)],
    ['This step since', status.since && [since(status.since), ` (${moment(status.since)})`]],
  ]))
}

function history({ history: decisions, steps: all }) {
  if (!decisions.length) return null
  return el('section', { 'aria-labelledby': 'history' }, el('h2', { id: 'history' }, 'What was decided'),
    el('ol', { class: 'history card' }, decisions.map(each => el('li', {},
      el('span', { class: `mark ${PHASES[each.phase][1]}` }),
      el('div', {},
        el('b', {}, PHASES[each.phase][0]), each.step < all.length ? `, step ${each.step + 1}` : '', `, ${each.weight}% `,
        el('span', { class: 'quiet' }, since(each.at), ` by ${each.by}`, each.snapshot !== null && `, snapshot ${each.snapshot}`),
        el('p', {}, sentence(each.reasons.map(reason => reason.text).join('; '))))))))
}
