/** Parameters in bracket notation: `created[gte]=1&types[]=a&items[0][price]=p` as nested values. */
export type FormValue = string | FormValue[] | { [key: string]: FormValue }
export type Form = { [key: string]: FormValue }

/** Reads a query string or a form body. Numbered keys become arrays in their order. */
export function parseForm(text: string): Form {
  const root: Form = {}
  if (text === '') return root
  for (const [key, value] of new URLSearchParams(text)) {
    const path = key.split('[').map((part, index) => (index === 0 ? part : part.replace(/\]$/, '')))
    place(root, path, value)
  }
  return settle(root) as Form
}

function place(root: Form, path: string[], value: string): void {
  let node = root
  for (const [index, raw] of path.entries()) {
    const part = raw === '' ? String(Object.keys(node).length) : raw
    if (index === path.length - 1) {
      node[part] = value
      return
    }
    const next = node[part]
    if (typeof next === 'object' && !Array.isArray(next)) node = next
    else node = node[part] = Object.create(null) as Form
  }
}

function settle(node: FormValue): FormValue {
  if (typeof node === 'string' || Array.isArray(node)) return node
  const keys = Object.keys(node)
  if (keys.length > 0 && keys.every((key) => /^\d+$/.test(key))) {
    return keys.sort((a, b) => Number(a) - Number(b)).map((key) => settle(node[key]!))
  }
  return Object.fromEntries(keys.map((key) => [key, settle(node[key]!)]))
}
