// Places in a document, written as the API's errors write them: `spec.arms[0].weight`.

/** The steps of a place: names and numbers. */
const steps = place => [...place.matchAll(/[^.[\]]+/g)].map(([step]) => (/^\d+$/.test(step) ? Number(step) : step))

/** What stands at a place; undefined where nothing does. */
export const get = (document, place) => steps(place).reduce((value, step) => (value !== null && typeof value === 'object' ? value[step] : undefined), document)

/** The list at a place; empty where there is none. */
export const listAt = (document, place) => {
  const found = get(document, place)
  return Array.isArray(found) ? found : []
}

/** Put a value at a place, and make what is above it. `undefined` takes it away, with all that is empty then. */
export function set(document, place, value) {
  put(document, steps(place), value)
}

function put(holder, [step, ...rest], value) {
  if (rest.length) {
    const there = holder[step]
    if (there === null || typeof there !== 'object') {
      if (value === undefined) return
      holder[step] = typeof rest[0] === 'number' ? [] : {}
    }
    put(holder[step], rest, value)
    if (value === undefined && typeof step !== 'number' && !Object.keys(holder[step]).length) delete holder[step]
  } else if (value === undefined) delete holder[step]
  else holder[step] = value
}

/** Take an item out of the list at a place. */
export function drop(document, place, index) {
  const list = listAt(document, place).filter((_, each) => each !== index)
  set(document, place, list.length ? list : undefined)
}
