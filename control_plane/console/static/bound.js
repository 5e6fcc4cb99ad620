// An interval beside nothing and a bound: where an estimate lies, from left to right.

import { EDGE, ticks, widthOf } from './chart.js'
import { svg } from './dom.js'
import { figures } from './words.js'

const HEIGHT = 116
const MIDDLE = 52
const FOOT = HEIGHT - 26
const THICK = 9
const SIDE = 24

/** `low` and `high` around `value`, and `most`, which it should not pass. `label`: the whole of it in a sentence. */
export function bound({ value, low, high, most, label }) {
  const right = widthOf(true) - SIDE
  const [from, to] = [Math.min(0, low), Math.max(most, high)]
  const room = (to - from) * 0.08
  const x = number => SIDE + ((number - from + room) / (to - from + 2 * room)) * (right - SIDE)
  return svg('svg', { viewBox: `0 0 ${right + SIDE} ${HEIGHT}`, class: 'chart', role: 'img', 'aria-label': label },
    ticks([from - room, to + room], 4).map(tick => level(tick, x)),
    mark(0, x, 'zero'),
    mark(most, x, 'margin', 'bound'),
    svg('rect', { class: 'band arm-1', x: x(low), width: x(high) - x(low), y: MIDDLE - THICK, height: 2 * THICK }),
    svg('g', { class: 'effect arm-1' },
      svg('line', { class: 'now', x1: x(low), x2: x(high), y1: MIDDLE, y2: MIDDLE }),
      svg('circle', { cx: x(value), cy: MIDDLE, r: 4 })))
}

function level(tick, x) {
  return svg('g', { class: 'level' },
    svg('line', { x1: x(tick), x2: x(tick), y1: EDGE.top, y2: FOOT }),
    svg('text', { x: x(tick), y: HEIGHT - 8, 'text-anchor': 'middle' }, figures(tick)))
}

function mark(number, x, kind, name = '') {
  return svg('g', { class: kind },
    svg('line', { x1: x(number), x2: x(number), y1: EDGE.top, y2: FOOT }),
    svg('text', { x: x(number), y: EDGE.top - 3, 'text-anchor': 'middle' }, name))
}
