// An effect over time: a line for each arm within its anytime-valid interval, zero, and the margin.

import { svg } from './dom.js'
import { duration, signed } from './words.js'

const NARROW = 340
const USUAL = 460
const WIDE = 640
export const HEIGHT = 220
export const EDGE = { left: 56, right: 14, top: 14, bottom: 30 }

/**
 * `series`: [{arm, tone, points: [{seconds, difference, low, high}]}], seconds since the start, ends `null` where they
 * are open. `margins`: differences to mark. `unit`: as `unitOf` says. `label`: the whole of it in a sentence. `alone`:
 * whether it has a row to itself.
 */
export function chart({ series, margins = [], unit, label, better, alone = false }) {
  const width = widthOf(alone)
  const right = width - EDGE.right
  const span = Math.max(...series.flatMap(({ points }) => points.map(point => point.seconds)), 1)
  const domain = reach(series, margins)
  const x = seconds => EDGE.left + (seconds / span) * (right - EDGE.left)
  const y = number => EDGE.top + ((domain[1] - clamp(number, domain)) / (domain[1] - domain[0])) * (HEIGHT - EDGE.top - EDGE.bottom)
  return svg('svg', { viewBox: `0 0 ${width} ${HEIGHT}`, class: 'chart', role: 'img', 'aria-label': label },
    ticks(domain, 4).map(tick => level(tick, y, unit, right)),
    margins.map((margin, index) => mark(margin, y, right, 'margin', !index)),
    mark(0, y, right, 'zero'),
    series.map(each => band(each, x, y, domain)),
    series.map((each, index) => line(each, x, y, domain, index)),
    axis(x, span, right, better),
  )
}

/** How wide a chart is drawn here; `alone`: whether it has a row to itself. */
export const widthOf = alone => (innerWidth < 560 ? NARROW : alone && innerWidth > 960 ? WIDE : USUAL)

/** From where to where: zero, margins, all differences, and the intervals of the later half; early ones are wide. */
function reach(series, margins) {
  const later = series.flatMap(({ points }) => points.slice(Math.floor(points.length / 2)))
  const all = [0, ...margins, ...series.flatMap(({ points }) => points.slice(Math.floor(points.length / 4)).map(point => point.difference))]
  const ends = later.flatMap(point => [point.low, point.high]).filter(end => end !== null)
  const [low, high] = [Math.min(...all, ...ends), Math.max(...all, ...ends)]
  const room = (high - low || 1) * 0.08
  return [low - room, high + room]
}

const clamp = (number, [low, high]) => Math.min(Math.max(number, low), high)

/** Round numbers, about so many. */
export function ticks([low, high], about) {
  const rough = (high - low) / about
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * [1, 2, 5, 10].find(each => each * power >= rough)
  const first = Math.ceil(low / step)
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)))
}

function level(tick, y, unit, right) {
  const said = tick === 0 ? '0' : signed(tick * unit.factor)
  return svg('g', { class: 'level' },
    svg('line', { x1: EDGE.left, x2: right, y1: y(tick), y2: y(tick) }),
    svg('text', { x: EDGE.left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, said))
}

function mark(number, y, right, kind, named = false) {
  return svg('g', { class: kind },
    svg('line', { x1: EDGE.left, x2: right, y1: y(number), y2: y(number) }),
    named && svg('text', { x: right - 4, y: y(number) - 6, 'text-anchor': 'end' }, 'margin'))
}

function band({ points, tone }, x, y, [low, high]) {
  const top = points.map(point => `${x(point.seconds)},${y(point.high ?? high)}`)
  const bottom = points.map(point => `${x(point.seconds)},${y(point.low ?? low)}`).reverse()
  return svg('polygon', { class: `band ${tone}`, points: [...top, ...bottom].join(' ') })
}

function line({ points, tone }, x, y, [low, high], index) {
  const last = points.at(-1)
  const path = points.map(point => `${x(point.seconds)},${y(point.difference)}`).join(' ')
  return svg('g', { class: `effect ${tone}` },
    svg('polyline', { points: path }),
    last && svg('line', { class: 'now', x1: x(last.seconds) - 5 * index, x2: x(last.seconds) - 5 * index, y1: y(last.low ?? low), y2: y(last.high ?? high) }),
    last && svg('circle', { cx: x(last.seconds), cy: y(last.difference), r: 4 }))
}

function axis(x, span, right, better) {
  const at = (share, anchor) => svg('text', { x: x(span * share), y: HEIGHT - 8, 'text-anchor': anchor }, share ? duration(span * share) : 'start')
  return svg('g', { class: 'axis' },
    svg('line', { x1: EDGE.left, x2: right, y1: HEIGHT - EDGE.bottom, y2: HEIGHT - EDGE.bottom }),
    at(0, 'start'), at(0.5, 'middle'), at(1, 'end'),
    better && svg('text', { class: 'better', x: right, y: better === 'up' ? EDGE.top + 6 : HEIGHT - EDGE.bottom - 6, 'text-anchor': 'end' }, better === 'up' ? '↑ better' : '↓ better'))
}

/** At most so many of the points, evenly and with the last: what a table shows. */
export function some(points, most) {
  if (points.length <= most) return points
  return Array.from({ length: most }, (_, index) => points[Math.round((index * (points.length - 1)) / (most - 1))])
}

