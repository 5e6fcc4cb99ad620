// The frame around all pages: which one is shown, and that it stays up to date.

import { Problem, ask } from './api.js'
import { el, morph } from './dom.js'
import { person, tokenNeeded } from './person.js'
import * as editor from './pages/editor.js'
import * as experiment from './pages/experiment.js'
import * as experiments from './pages/experiments.js'
import * as rollout from './pages/rollout.js'
import * as rollouts from './pages/rollouts.js'
import * as route from './pages/route.js'
import * as routes from './pages/routes.js'

const SECONDS = 5
// A page: `path`, which its address matches with named groups; `title(params)`; `load(params, ask)`, which gets what it
// shows; and `view(data, context)`, a node. One whose `live` is false is built once: somebody writes in it.
const PAGES = [experiments, experiment, editor, rollouts, rollout, routes, route]
const NAV = [['#/experiments', 'Experiments'], ['#/rollouts', 'Rollouts'], ['#/routes', 'Routes']]

const main = document.getElementById('main')
const says = document.getElementById('says')
let current = null
let parting = '' // what the page before says at its end

/** Show the page of the address. */
async function go() {
  if (location.hash && !location.hash.startsWith('#/')) return // a place in the page
  const hash = location.hash || NAV[0][0]
  if (current?.unsaved && hash !== current.hash && !confirm('Leave, and lose what you typed?')) {
    history.replaceState(null, '', current.hash)
    return
  }
  const before = current
  before?.gone.abort()
  const page = PAGES.find(each => each.path.test(hash))
  navigation(hash)
  if (!page) return nothing(hash)
  const params = decoded(page.path.exec(hash).groups)
  const gone = new AbortController()
  const shown = { page, params, hash, gone, drawn: false, ask: (path, more) => ask(path, { signal: gone.signal, ...more }) }
  current = shown
  say(parting)
  parting = ''
  document.title = `${page.title(params)} · Tiermesh`
  main.replaceChildren(el('p', { class: 'quiet' }, 'Loading …'))
  if (before) main.focus() // whoever comes anew begins at the top
  window.scrollTo(0, 0)
  await refresh(shown)
}

/** Get what is to be seen, and show what of it is new. */
async function refresh(shown) {
  if (shown.asking) return
  shown.asking = true
  try {
    const data = await shown.page.load(shown.params, shown.ask)
    if (shown !== current) return
    draw(shown, data)
  } catch (error) {
    if (error.name === 'AbortError' || shown !== current) return
    if (!(error instanceof Problem)) throw error
    failed(shown, error)
  } finally {
    shown.asking = false
  }
}

function draw(shown, data) {
  const unsaved = whether => { shown.unsaved = whether }
  const context = { ...shown, say, unsaved, again: () => again(shown), failed: problem => failed(shown, problem), open }
  const view = el('main', { id: 'main', tabindex: '-1' }, shown.page.view(data, context))
  if (shown.drawn) morph(main, view)
  else main.replaceChildren(...view.childNodes)
  if (shown.troubled) say('')
  Object.assign(shown, { drawn: true, troubled: false })
}

function failed(shown, problem) {
  if (problem.status === 401) return tokenNeeded(problem, known)
  shown.troubled = true
  if (shown.drawn) return say(`Not up to date: ${problem.words}`, 'bad')
  main.replaceChildren(
    el('h1', {}, problem.status === 404 ? 'There is no such thing' : problem.status === 403 ? 'Not for you' : 'That went wrong'),
    el('p', { class: 'notice bad', role: 'alert' }, problem.words),
  )
}

/** Something was done: what follows from it by itself comes a moment later. */
function again(shown) {
  refresh(shown)
  setTimeout(() => shown === current && refresh(shown), 1500)
}

/** Go to another page, and say there what was done here. */
function open(hash, text) {
  parting = text
  location.hash = hash
}

/** What happened, for eyes and screen readers; it stays until something else does. */
function say(text, tone = 'good') {
  const shown = text ? [el('p', { class: `notice ${tone}` }, text)] : []
  if (says.textContent !== text) says.replaceChildren(...shown)
}

function navigation(hash) {
  const link = ([to, name]) => el('a', { href: to, 'aria-current': hash.startsWith(to) ? 'page' : null }, name)
  document.getElementById('nav').replaceChildren(...NAV.map(link))
}

function nothing(hash) {
  current = null
  document.title = 'Tiermesh'
  main.replaceChildren(el('h1', {}, 'There is no such page'), el('p', {}, `Nothing is at ${hash}.`))
}

function decoded(groups = {}) {
  const read = ([name, value]) => {
    try {
      return [name, decodeURIComponent(value ?? '')]
    } catch {
      return [name, value]
    }
  }
  return Object.fromEntries(Object.entries(groups).map(read))
}

/** Somebody else looks now. What is typed on a page that is there already stays. */
function known() {
  person(known)
  if (!current?.drawn) go()
  else if (current.page.live ?? true) refresh(current)
}

window.addEventListener('hashchange', go)
window.addEventListener('beforeunload', event => { if (current?.unsaved) event.preventDefault() })
document.querySelector('.skip').onclick = event => {
  event.preventDefault() // the address is the page's
  main.focus()
}
setInterval(() => {
  const waits = current && !current.drawn && current.troubled
  const lives = current?.drawn && (current.page.live ?? true)
  if ((waits || lives) && !document.hidden) refresh(current)
}, SECONDS * 1000)
known()
