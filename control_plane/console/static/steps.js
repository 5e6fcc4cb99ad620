// A Rollout's steps as a line from left to right.

import { el } from './dom.js'
import { OVER, stepWords } from './trials.js'

/** What is done, what is under way, and what is to come. */
export function steps({ steps: all, step, phase }) {
  const done = phase === 'promoted' ? all.length : step
  const state = index => {
    if (index < done) return ['done', 'done']
    if (index > step || phase === 'pending') return ['to-come', 'to come']
    return OVER.includes(phase) ? ['ended', 'ended here'] : [phase === 'paused' ? 'held' : 'now', 'under way']
  }
  const item = (words, [name, said]) => el('li', { class: name, 'aria-current': ['now', 'held'].includes(name) ? 'step' : null },
    el('span', {}, words), el('span', { class: 'unseen' }, `, ${said}`))
  return el('ol', { class: 'steps', 'aria-label': 'Steps' },
    all.map((each, index) => item(stepWords(each), state(index))),
    item('everybody', phase === 'promoted' ? ['done', 'done'] : ['to-come', 'to come']))
}
