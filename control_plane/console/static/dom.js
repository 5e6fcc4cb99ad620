// Elements from plain values, and bringing a page up to date without taking away what a person holds.

const SVG = 'http://www.w3.org/2000/svg'
const HANDLERS = ['onclick', 'oninput', 'onchange', 'onsubmit']

/** An element of HTML. What stands in it becomes text: nothing that somebody wrote is ever read as markup. */
export function el(name, properties = {}, ...children) {
  return filled(document.createElement(name), properties, children)
}

/** The same of SVG. */
export function svg(name, properties = {}, ...children) {
  return filled(document.createElementNS(SVG, name), properties, children)
}

/** Functions become handlers, `true` an attribute without a value; `null`, `undefined` and `false` are left out. */
function filled(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') node[name] = value
    else if (value === true) node.setAttribute(name, '')
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value)
  }
  node.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false))
  return node
}

/**
 * Make `old` say what `made` says, and leave in place what is the same: focus, a selection and an opened part stay.
 * Children with a `data-key` keep theirs wherever they move.
 */
export function morph(old, made) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== made.data) old.data = made.data
    return
  }
  for (const name of HANDLERS) if (old[name] !== made[name]) old[name] = made[name] ?? null
  attributes(old, made)
  const wanted = [...made.childNodes]
  wanted.forEach((child, index) => {
    const found = counterpart(old, index, child)
    if (!found) return old.insertBefore(child, old.childNodes[index] ?? null)
    if (found !== old.childNodes[index]) old.insertBefore(found, old.childNodes[index])
    morph(found, child)
  })
  while (old.childNodes.length > wanted.length) old.lastChild.remove()
}

function attributes(old, made) {
  const kept = old.localName === 'details' ? ['open'] : [] // whoever looks decides
  for (const { name, value } of [...made.attributes]) {
    if (old.getAttribute(name) !== value && !kept.includes(name)) old.setAttribute(name, value)
  }
  for (const { name } of [...old.attributes]) if (!made.hasAttribute(name) && !kept.includes(name)) old.removeAttribute(name)
}

function counterpart(old, index, child) {
  const key = keyOf(child)
  if (key !== undefined) return [...old.childNodes].slice(index).find(each => keyOf(each) === key && alike(each, child))
  const found = old.childNodes[index]
  return found && keyOf(found) === undefined && alike(found, child) ? found : undefined
}

const keyOf = node => node.dataset?.key
const alike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName
