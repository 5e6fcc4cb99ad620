// An effect over time: a line for each arm within its anytime-valid interval, zero, and the margin.

import { svg } from './dom.js'
import { duration, signed } from './words.js'

const WIDTH = 460
const HEIGHT = 220
const EDGE = { left: 56, right: 14, top: 14, bottom: 30 }

/**
 * `series`: [{arm, tone, points: [{seconds, difference, low, high}]}], seconds since the start, ends `null` where they
 * are open. `margins`: differences to mark. `unit`: as `unitOf` says. `label`: the whole of it in a sentence.
 */
export function chart({ series, margins = [], unit, label, better }) {
  const span = Math.max(...series.flatMap(({ points }) => points.map(point => point.seconds)), 1)
  const domain = reach(series, margins)
  const x = seconds => EDGE.left + (seconds / span) * (WIDTH - EDGE.left - EDGE.right)
  const y = number => EDGE.top + ((domain[1] - clamp(number, domain)) / (domain[1] - domain[0])) * (HEIGHT - EDGE.top - EDGE.bottom)
  return svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'chart', role: 'img', 'aria-label': label },
    ticks(domain, 4).map(tick => level(tick, y, unit)),
    margins.map(margin => mark(margin, y, 'margin')),
    mark(0, y, 'zero'),
    series.map(each => band(each, x, y, domain)),
    series.map(each => line(each, x, y)),
    axis(x, span, better),
  )
}

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
function ticks([low, high], about) {
  const rough = (high - low) / about
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * [1, 2, 5, 10].find(each => each * power >= rough)
  const first = Math.ceil(low / step)
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)))
}

function level(tick, y, unit) {
  const said = tick === 0 ? '0' : signed(tick * unit.factor)
  return svg('g', { class: 'level' },
    svg('line', { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(tick), y2: y(tick) }),
    svg('text', { x: EDGE.left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, said))
}

function mark(number, y, kind) {
  return svg('g', { class: kind },
    svg('line', { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(number), y2: y(number) }),
    kind === 'margin' && svg('text', { x: EDGE.left + 6, y: y(number) - 5 }, 'margin'))
}

function band({ points, tone }, x, y, [low, high]) {
  const top = points.map(point => `${x(point.seconds)},${y(point.high ?? high)}`)
  const bottom = points.map(point => `${x(point.seconds)},${y(point.low ?? low)}`).reverse()
  return svg('polygon', { class: `band ${tone}`, points: [...top, ...bottom].join(' ') })
}

function line({ points, tone }, x, y) {
  const last = points.at(-1)
  const path = points.map(point => `${x(point.seconds)},${y(point.difference)}`).join(' ')
  return svg('g', { class: `effect ${tone}` },
    svg('polyline', { points: path }),
    last && svg('circle', { cx: x(last.seconds), cy: y(last.difference), r: 4 }))
}

function axis(x, span, better) {
  const at = (share, anchor) => svg('text', { x: x(span * share), y: HEIGHT - 8, 'text-anchor': anchor }, share ? duration(span * share) : 'start')
  return svg('g', { class: 'axis' },
    svg('line', { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: HEIGHT - EDGE.bottom, y2: HEIGHT - EDGE.bottom }),
    at(0, 'start'), at(0.5, 'middle'), at(1, 'end'),
    better && svg('text', { class: 'better', x: WIDTH - EDGE.right, y: better === 'up' ? EDGE.top + 6 : HEIGHT - EDGE.bottom - 6, 'text-anchor': 'end' }, better === 'up' ? '↑ better' : '↓ better'))
}

/** At most so many of the points, evenly and with the last: what a table shows. */
export function some(points, most) {
  if (points.length <= most) return points
  return Array.from({ length: most }, (_, index) => points[Math.round((index * (points.length - 1)) / (most - 1))])
}

