// A conflict: somebody else changed the document since it was read. Both are shown, and whoever writes decides.

import { el } from '../dom.js'
import { write } from '../yaml.js'

/** `theirs()` goes on from what it says now, `mine()` writes over it. */
export function conflict(problem, { theirs, mine }) {
  const { current, yours, errors } = problem
  const taken = yours.metadata.resourceVersion === '0'
  const side = (name, document, other) => el('div', {},
    el('h3', {}, name),
    el('pre', { tabindex: '0', 'aria-label': name }, document
      ? lines(unversioned(document)).map(line => el('span', { class: !lines(unversioned(other)).includes(line) ? 'differs' : null }, `${line}\n`))
      : 'It is not there any more.'))
  return el('section', { class: 'card verdict bad', 'aria-labelledby': 'conflict' },
    el('h2', { id: 'conflict', tabindex: '-1' }, taken ? 'There is one of this name already' : 'Somebody changed it meanwhile'),
    el('p', { role: 'alert' }, problem.message),
    errors.length > 0 && el('ul', { class: 'problems' }, errors.map(({ field, message }) => el('li', {}, el('b', {}, field), ` ${message}`))),
    el('div', { class: 'sides' },
      side(current ? `What it says now, version ${current.metadata.resourceVersion}` : 'What it says now', current, yours),
      side('What you wrote', yours, current)),
    el('div', { class: 'buttons' },
      current && el('button', { type: 'button', onclick: theirs }, 'Go on from what it says now'),
      el('button', { type: 'button', class: 'danger', onclick: mine }, 'Write mine over it')))
}

const lines = document => write(document).trimEnd().split('\n')

/** Without its version: that it differs is said above. */
function unversioned(document) {
  const { resourceVersion: _, ...metadata } = document?.metadata ?? {}
  return { ...document, metadata }
}
