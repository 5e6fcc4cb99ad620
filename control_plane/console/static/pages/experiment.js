// One Experiment: what may be concluded, and all that it rests on.

import { ask, path as url } from '../api.js'
import { effect } from '../effect.js'
import { el } from '../dom.js'
import { badge, confirm, facts, fullName, link, since } from '../parts.js'
import { STATES, VERDICTS, shareWords, tones } from '../trials.js'
import { count, figures, moment, overrideWords, unitWords } from '../words.js'
import { write } from '../yaml.js'

export const path = /^#\/experiments\/(?<namespace>[^/]+)\/(?<name>[^/]+)$/
export const title = ({ name }) => name

export async function load({ namespace, name }, ask) {
  const query = { namespace }
  const [document, results] = await Promise.all([
    ask(url('experiments', name), { query }),
    ask(url('experiments', name, 'results'), { query }),
  ])
  return { document, results }
}

export function view({ document, results }, context) {
  const { metadata, spec } = document
  const state = spec.state ?? 'draft'
  return el('div', {},
    el('p', { class: 'trail' }, el('a', { href: '#/experiments' }, 'Experiments')),
    el('div', { class: 'head' },
      el('h1', {}, fullName(metadata)), badge(...STATES[state]),
      el('div', { class: 'buttons' }, el('a', { class: 'button', href: link('experiments', document, '/edit') }, 'Change'), toggle(document, state, context))),
    state === 'draft' ? el('p', { class: 'card said still' }, 'A draft: no unit is assigned until somebody starts it.') : conclusion(results),
    el('section', { 'aria-labelledby': 'arms' }, el('h2', { id: 'arms' }, 'Arms'), arms(spec, results)),
    effects('Metrics', document, results, one => one.role !== 'guardrail'),
    effects('Guardrails', document, results, one => one.role === 'guardrail'),
    el('section', { 'aria-labelledby': 'about' }, el('h2', { id: 'about' }, 'About'), about(spec, results)),
    history(results.history),
    el('details', { class: 'card' }, el('summary', {}, 'The document'), el('pre', { tabindex: '0' }, write(document))))
}

function toggle({ metadata }, state, { again, say }) {
  const [verb, word, says] = state === 'running'
    ? ['stop', 'Stop', 'Its units are answered as the Route says from the next snapshot on, within a second or so. What was measured is kept.']
    : ['start', 'Start', 'From the next snapshot on its units get their arms, within a second or so.']
  const act = async reason => {
    const target = url('experiments', metadata.name, verb)
    await ask(target, { method: 'POST', query: { namespace: metadata.namespace }, body: { reason } })
    say(`${metadata.name}: ${verb === 'stop' ? 'stopped' : 'running'}.`)
    again()
  }
  const tone = verb === 'stop' ? 'danger' : 'main'
  return el('button', { class: tone, onclick: () => confirm({ title: `${word} ${metadata.name}?`, says, verb: word, tone, act }) }, word)
}

/** The verdict, announced when it changes, and louder where nothing may be believed. */
function conclusion({ verdict }) {
  const [heading, tone] = VERDICTS[verdict.code] ?? [verdict.code, 'still']
  return el('section', { class: `card verdict ${tone}`, 'aria-label': 'Verdict' },
    el('div', { role: 'status' },
      el('h2', {}, heading),
      el('p', {}, verdict.text)),
    verdict.code === 'mismatch' && el('p', { class: 'notice bad', role: 'alert' },
      el('b', {}, 'Sample ratio mismatch. '),
      'Something keeps units out of an arm, or counts them twice: find it before anything is decided.'),
    el('p', { class: 'quiet' }, 'This holds whenever you look: looking often does no harm.'))
}

function arms(spec, results) {
  const whole = results.arms.reduce((sum, arm) => sum + arm.weight, 0)
  const tone = tones(spec.arms.map(arm => arm.name))
  return el('div', { class: 'card scroll', tabindex: '0', role: 'group', 'aria-labelledby': 'arms' }, el('table', {},
    el('thead', {}, el('tr', {}, ['Arm', 'Share', 'Units', 'Does otherwise'].map(name => el('th', { scope: 'col' }, name)))),
    el('tbody', {}, results.arms.map((arm, index) => {
      const said = overrideWords(spec.arms[index]?.override)
      return el('tr', { class: tone[arm.arm] },
        el('th', { scope: 'row' }, el('span', { class: 'dot' }), arm.arm),
        el('td', {}, shareWords(arm.weight, whole)),
        el('td', {}, count(arm.units), arm.expected ? el('span', { class: 'quiet' }, ` of ${count(arm.expected)} expected`) : null),
        el('td', { class: 'words' }, said.length ? said.join(' · ') : el('span', { class: 'quiet' }, index ? 'nothing' : 'nothing: the control')))
    }))))
}

function effects(heading, { spec }, results, wanted) {
  const found = results.comparisons.filter(wanted)
  const names = [...new Set(found.map(each => each.metric))]
  if (!names.length) return null
  const id = heading.toLowerCase()
  return el('section', { 'aria-labelledby': id }, el('h2', { id }, heading),
    el('div', { class: 'charts' }, names.map(name => effect(spec, results, found.filter(each => each.metric === name), names.length === 1))))
}

function about(spec, { since: begun, mismatchP }) {
  const { traffic = {}, targeting = {}, allocation = {}, plan = {} } = spec
  const [from, percent] = [traffic.from ?? 0, traffic.percent ?? 100]
  const holds = [
    targeting.tenants && `Tenant ${targeting.tenants.join(' or ')}`,
    ...Object.entries(targeting.headers ?? {}).map(([name, values]) => `header ${name} is ${values.join(' or ')}`),
    ...Object.entries(targeting.fields ?? {}).map(([name, values]) => `field ${name} is ${values.join(' or ')}`),
  ].filter(Boolean)
  return el('div', { class: 'card' }, facts([
    ['Route', spec.route],
    ['Unit', unitWords(spec.unit)],
    ['Traffic', `${from} to ${from + percent}% of layer ${traffic.layer ?? 'default'}`],
    ['Only where', holds.join(', and ')],
    ['Shares', allocation.kind === 'bandit' ? 'moved by a bandit' : 'fixed'],
    ['Chance of any false verdict', `at most ${figures((plan.alpha ?? 0.05) * 100)}%`],
    ['Compared since', begun && [since(begun), ` (${moment(begun)})`]],
    ['Shares as they should be', mismatchP === null || mismatchP === undefined ? null : `p = ${figures(mismatchP, 2)}`],
  ]))
}

function history(verdicts) {
  if (!verdicts.length) return null
  return el('section', { 'aria-labelledby': 'history' }, el('h2', { id: 'history' }, 'How the verdict changed'),
    el('ol', { class: 'history card' }, verdicts.map(each => el('li', {},
      el('span', { class: `mark ${VERDICTS[each.code]?.[1]}` }),
      el('div', {}, el('b', {}, VERDICTS[each.code]?.[0] ?? each.code), ' ', el('span', { class: 'quiet' }, since(each.at)), el('p', {}, each.text))))))
}
