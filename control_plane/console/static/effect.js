// A metric of an Experiment: each arm beside the control, as a chart, in numbers, and as a table.

import { chart, some } from './chart.js'
import { el } from './dom.js'
import { badge } from './parts.js'
import { STANDINGS, harm, marginOf, metricOf, tones } from './trials.js'
import { change, duration, figures, interval, unitOf, value } from './words.js'

const ROWS = 12

/** `comparisons`: of one metric in one role, an arm each. `alone`: whether it has a row to itself. */
export function effect(spec, results, comparisons, alone) {
  const [first] = comparisons
  const unit = unitOf({ ...metricOf(spec, first.metric), kind: first.kind })
  const tone = tones(results.arms.map(arm => arm.arm))
  const series = comparisons.map(each => ({ arm: each.arm, tone: tone[each.arm], points: pointsOf(results, each) }))
  const margin = marginOf(spec, first)
  const margins = margin === null ? [] : first.role === 'guardrail' ? [harm(first.goal) * margin] : [margin, -margin]
  const better = first.goal === 'increase' ? 'up' : 'down'
  return el('article', { class: 'card', 'data-key': `${first.metric} ${first.role}` },
    el('div', { class: 'head' },
      el('h3', {}, first.metric),
      el('span', { class: 'quiet' }, `${first.role === 'secondary' ? 'shown, decides nothing' : first.role}; ${first.goal === 'increase' ? 'more' : 'less'} is better`)),
    el('div', { class: 'sight' },
      series.some(each => each.points.length > 1) && el('figure', {},
        el('figcaption', { class: 'quiet' }, `Difference from the control${unit.change && ` in ${unit.change.trim()}`}`),
        chart({ series, margins, unit, better, alone, label: spoken(first, comparisons, unit) })),
      el('div', {},
        el('ul', { class: 'effects' }, comparisons.map(each => numbers(each, unit, tone[each.arm], results.verdict.code === 'mismatch'))),
        margin !== null && el('p', { class: 'quiet' }, `Margin: ${change(margin, unit).replace('+', '')}${first.role === 'guardrail' ? ' of harm' : ' either way'}.`))),
    series.some(each => each.points.length) && table(first, series, unit))
}

/** Its course, with what is known now as the last point. */
function pointsOf(results, { metric, role, arm, difference, low, high }) {
  const begun = Date.parse(results.since ?? results.at)
  const mine = results.course.filter(each => each.metric === metric && each.role === role && each.arm === arm)
  const last = role === 'secondary' ? [] : [{ at: results.at, difference, low, high }]
  return [...mine, ...last].filter(each => each.difference !== null)
    .map(each => ({ ...each, seconds: Math.max(0, (Date.parse(each.at) - begun) / 1000) }))
}

function numbers(each, unit, tone, doubtful) {
  const relative = each.relativeLow !== null && each.relativeHigh !== null && each.control
    ? `${figures(each.relativeLow * 100, 2)} to ${figures(each.relativeHigh * 100, 2)}% of the control's` : null
  return el('li', { class: tone },
    el('div', { class: 'head' }, el('span', {}, el('span', { class: 'dot' }), each.arm), badge(...(doubtful ? ['in doubt', 'still'] : STANDINGS[each.standing] ?? [each.standing]))),
    el('p', { class: 'change' }, change(each.difference, unit)),
    el('p', { class: 'quiet' }, interval(each.low, each.high, unit), relative && el('br'), relative),
    el('p', { class: 'quiet' }, `${value(each.treated, unit)} against ${value(each.control, unit)}, p = ${figures(each.role === 'primary' ? each.pAdjusted : each.p, 2)}`))
}

function spoken({ metric }, comparisons, unit) {
  const said = comparisons.map(each => `${each.arm} ${change(each.difference, unit)}, interval ${interval(each.low, each.high, unit)}`)
  return `${metric}: difference from the control over time. Now: ${said.join('; ')}. The numbers are in the table below.`
}

function table({ metric }, series, unit) {
  return el('details', {}, el('summary', {}, 'As a table'),
    el('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': `${metric} as a table` }, el('table', {},
      el('caption', {}, `${metric}: difference from the control over time`),
      el('thead', {}, el('tr', {}, ['After', 'Arm', 'Difference', 'Interval'].map(name => el('th', { scope: 'col' }, name)))),
      el('tbody', {}, series.flatMap(({ arm, points }) => some(points, ROWS).map(point => el('tr', {},
        el('th', { scope: 'row' }, duration(point.seconds)), el('td', {}, arm),
        el('td', {}, change(point.difference, unit)), el('td', {}, interval(point.low, point.high, unit)))))))))
}
