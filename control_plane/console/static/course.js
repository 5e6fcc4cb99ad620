// A Rollout's course: the candidate's weight over time, what was decided on the way, and the steps to come.

import { EDGE, HEIGHT, widthOf } from './chart.js'
import { el, svg } from './dom.js'
import { OVER, PHASES, stepWords } from './trials.js'
import { duration, moment, sentence } from './words.js'

const LEVELS = [0, 25, 50, 75, 100]
const PAST = 0.62 // of the width, while there is something to come

/** [a chart, a table]; neither before anything was decided. `status`: a Rollout's, as the API gives it. */
export function course(status, now = Date.now()) {
  const past = decisions(status)
  if (!past.length) return []
  const coming = stepsToCome(status)
  const ahead = coming.length ? '; dashed: the steps to come, not to scale' : ''
  const figure = el('figure', {},
    el('figcaption', { class: 'quiet' }, `The candidate's share of the units over time${ahead}`),
    chart(status, past, coming, now))
  return [figure, table(status, past, coming)]
}

/** What was decided since it last began anew, oldest first, with the weight from then on and seconds since the first. */
function decisions({ history }) {
  const all = [...history].reverse()
  const anew = ({ reasons }, before) => !before || OVER.includes(before.phase)
    || reasons.some(({ code }) => code === 'another-change' || (code === 'begun' && before.phase !== 'pending'))
  const first = all.findLastIndex((each, index) => anew(each, all[index - 1]))
  return all.slice(Math.max(first, 0)).map((each, _index, [{ at }]) => ({
    ...each,
    weight: each.phase === 'promoted' ? 100 : each.weight,
    seconds: (Date.parse(each.at) - Date.parse(at)) / 1000,
  }))
}

/** [{words, weight}]: each step after the one under way with the weight from then on, and what comes behind the last. */
function stepsToCome({ phase, step, steps, weight }) {
  if (OVER.includes(phase)) return []
  let share = weight
  const left = steps.slice(phase === 'pending' ? step : step + 1)
  return [...left.map(each => ({ words: stepWords(each), weight: share = each.setWeight ?? share })), { words: 'everybody', weight: 100 }]
}

function chart(status, past, coming, now) {
  const width = widthOf(true)
  const [left, right, bottom] = [EDGE.left, width - EDGE.right, HEIGHT - EDGE.bottom]
  const last = past.at(-1)
  const passed = Math.max((now - Date.parse(past[0].at)) / 1000, last.seconds, 1)
  const span = coming.length ? passed : Math.max(last.seconds, 1) * 1.05
  const until = coming.length ? left + PAST * (right - left) : right
  const x = seconds => left + (seconds / span) * (until - left)
  const y = weight => bottom - (weight / 100) * (bottom - EDGE.top)
  const done = stairs([left, y(0)], past.map(each => [x(each.seconds), y(each.weight)]), until)
  const slot = (right - until) / (coming.length + 1) // the first is the rest of what is under way
  const places = coming.map((each, index) => [until + slot * (index + 1), y(each.weight)])
  const ahead = coming.length > 0 && stairs(done.at(-1), places, right)
  const line = points => points.map(point => point.join()).join(' ')
  return svg('svg', { viewBox: `0 0 ${width} ${HEIGHT}`, class: 'chart', role: 'img', 'aria-label': spoken(status, past, coming) },
    ahead && svg('rect', { class: 'under-way', x: x(last.seconds), width: until - x(last.seconds), y: EDGE.top, height: bottom - EDGE.top }),
    LEVELS.map(weight => svg('g', { class: 'level' },
      svg('line', { x1: left, x2: right, y1: y(weight), y2: y(weight) }),
      svg('text', { x: left - 8, y: y(weight) + 4, 'text-anchor': 'end' }, `${weight}%`))),
    svg('polygon', { class: 'band arm-1', points: line([...done, [until, y(0)]]) }),
    svg('g', { class: 'effect arm-1' },
      ahead && svg('polyline', { class: 'coming', points: line(ahead) }),
      svg('polyline', { points: line(done) })),
    past.map(each => svg('circle', { class: `decision ${PHASES[each.phase][1]}`, cx: x(each.seconds), cy: y(each.weight), r: 5 },
      svg('title', {}, `${moment(each.at)}: ${why(each)}`))),
    axis({ left, right, until, bottom }, coming.length ? 'now' : duration(last.seconds), coming.length > 0))
}

/** A line that keeps its height until each place, and behind the last one. */
function stairs(first, places, end) {
  const points = [first]
  for (const [x, y] of [...places, [end, places.at(-1)[1]]]) points.push([x, points.at(-1)[1]], [x, y])
  return points
}

function axis({ left, right, until, bottom }, end, coming) {
  const at = (place, anchor, words) => svg('text', { x: place, y: HEIGHT - 8, 'text-anchor': anchor }, words)
  return svg('g', { class: 'axis' },
    svg('line', { x1: left, x2: right, y1: bottom, y2: bottom }),
    coming && svg('line', { class: 'moment', x1: until, x2: until, y1: EDGE.top, y2: bottom }),
    at(left, 'start', 'start'), at(until, coming ? 'middle' : 'end', end), coming && at(right, 'end', 'to come'))
}

const why = ({ reasons }) => sentence(reasons.map(reason => reason.text).join('; '))
const when = ({ seconds }) => (seconds ? `after ${duration(seconds)}` : 'at the start')

function spoken(status, past, coming) {
  const moves = past.filter((each, index) => each.weight !== past[index - 1]?.weight)
  const said = moves.map(each => `${each.weight}% ${when(each)}`).join(', ')
  const ahead = coming.length ? ` To come: ${coming.map(each => each.words).join(', ')}.` : ''
  return `The candidate's weight over time: ${said}; now ${PHASES[status.phase][0]}.${ahead} The decisions are in the table below.`
}

function table({ phase, step, steps }, past, coming) {
  const row = (first, weight, words) => el('tr', {}, el('th', { scope: 'row' }, first), el('td', {}, weight), el('td', { class: 'words' }, words))
  const underWay = coming.length > 0 && phase !== 'pending' && step < steps.length
  return el('details', {}, el('summary', {}, 'As a table'),
    el('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'The course as a table' }, el('table', {},
      el('caption', {}, "The candidate's weight over time"),
      el('thead', {}, el('tr', {}, ['When', 'Weight', 'What'].map(name => el('th', { scope: 'col' }, name)))),
      el('tbody', {},
        past.map(each => row(when(each), `${each.weight}%`, `${PHASES[each.phase][0]}: ${why(each)}`)),
        underWay && row('now', `${past.at(-1).weight}%`, `${stepWords(steps[step])}, under way`),
        coming.map(each => row('to come', `${each.weight}%`, each.words))))))
}
