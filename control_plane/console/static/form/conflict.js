// A conflict: somebody else changed the document since it was read. Both are shown, and whoever writes decides.

import { el } from '../dom.js'
import { write } from '../yaml.js'

/** `theirs()` goes on from what it says now, `mine()` writes over it. */
export function conflict(problem, { theirs, mine }) {
  const { current, yours, errors } = problem
  const differ = lines(current, yours)
  const side = (name, document, other) => el('div', {},
    el('h3', {}, name),
    el('pre', { tabindex: '0', 'aria-label': name }, document
      ? lines(document).map(line => el('span', { class: differ.has(line) && !lines(other ?? {}).includes(line) ? 'differs' : null }, `${line}\n`))
      : 'It is not there any more.'))
  return el('section', { class: 'card verdict bad', 'aria-labelledby': 'conflict' },
    el('h2', { id: 'conflict', tabindex: '-1' }, 'Somebody changed it meanwhile'),
    el('p', { role: 'alert' }, problem.message),
    errors.length > 0 && el('ul', { class: 'problems' }, errors.map(({ field, message }) => el('li', {}, el('b', {}, field), ` ${message}`))),
    el('div', { class: 'sides' },
      side(current ? `What it says now, version ${current.metadata.resourceVersion}` : 'What it says now', current, yours),
      side('What you wrote', yours, current)),
    el('div', { class: 'buttons' },
      current && el('button', { type: 'button', onclick: theirs }, 'Go on from what it says now'),
      el('button', { type: 'button', class: 'danger', onclick: mine }, 'Write mine over it')))
}

function lines(...documents) {
  if (documents.length === 1) return write(documents[0]).trimEnd().split('\n')
  const [one, other] = documents.map(document => lines(document ?? {}))
  return new Set([...one.filter(line => !other.includes(line)), ...other.filter(line => !one.includes(line))])
}
