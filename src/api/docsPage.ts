import type { OpenApi, Operation, Parameter } from './openapi.ts'
import { grouped } from './grouped.ts'
import { errorsPage } from './problems.ts'

/** /docs/errors: docs/errors.md as a page. */
export function errorsHtml(): string {
  const blocks = errorsPage()
    .split(/\n{2,}/)
    .map((block) => markdown(block.trim()))
  return shell(
    'Errors',
    `<main>${blocks.join('\n')}<p><a href="/docs">The whole API</a></p></main>`,
  )
}

type Entry = { method: string; path: string; operation: Operation }

/** /docs: the OpenAPI document as one page, made here. No script, no other host: it works on a machine without internet. */
export function docsPage(document: OpenApi): string {
  const entries: Entry[] = Object.entries(document.paths).flatMap(([path, at]) =>
    Object.entries(at).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
  )
  const byTag = grouped(entries, (entry) => entry.operation.tags[0] ?? '')
  const menu = [...byTag].map(
    ([tag, all]) => `<h3>${escape(tag)}</h3><ul>${all.map(menuLine).join('')}</ul>`,
  )
  const sections = [...byTag].map(
    ([tag, all]) =>
      `<h2>${escape(tag)}</h2>${all.map((entry) => section(document, entry)).join('')}`,
  )
  return shell('API', `<nav>${menu.join('')}</nav><main>${intro}${sections.join('')}</main>`)
}

const intro = `<h1>Sluice API</h1>
<p>JSON over HTTP. Send <code>Authorization: Bearer &lt;api key&gt;</code> with every call to <code>/v1</code>.
Lists answer <code>{data, next_cursor}</code>; creates take an <code>Idempotency-Key</code>; changes are <code>PATCH</code>,
where what is left out stays and <code>null</code> clears. What is wrong comes as <code>application/problem+json</code>:
see <a href="/docs/errors">all kinds of errors</a>. The same as a document: <a href="/openapi.json">openapi.json</a>.</p>`

function menuLine({ method, operation }: Entry): string {
  return `<li><a href="#${operation.operationId}">${badge(method)} ${escape(operation.summary)}</a></li>`
}

function section(document: OpenApi, { method, path, operation }: Entry): string {
  const body = operation.requestBody?.content['application/json']?.schema
  return `<section id="${operation.operationId}">
<h3>${badge(method)} <code>${escape(path)}</code></h3>
<p><b>${escape(operation.summary)}.</b> ${inline(operation.description ?? '')}</p>
${parameters(operation.parameters)}
${body === undefined ? '' : `<h4>Body${operation.requestBody?.required === true ? '' : ' (may be left out)'}</h4>${fields(document, body)}`}
<pre>${escape(curl(document, { method, path, operation }))}</pre>
${answers(document, operation)}
</section>`
}

function parameters(all: Parameter[]): string {
  if (all.length === 0) return ''
  const rows = all.map(
    (one) =>
      `<tr><td><code>${escape(one.name)}</code></td><td>${one.in}</td><td>${escape(typeText(one.schema ?? { type: 'object' }))}</td><td>${inline(one.description ?? '')}</td></tr>`,
  )
  return `<table>${rows.join('')}</table>`
}

type Schema = Record<string, unknown>

function fields(document: OpenApi, schema: Schema): string {
  const shape = resolve(document, schema)
  const properties = (shape['properties'] ?? {}) as Record<string, Schema>
  const required = (shape['required'] ?? []) as string[]
  const rows = Object.entries(properties).map(([name, property]) => {
    const target = resolve(document, property)
    const fallback =
      target['default'] === undefined ? '' : ` = ${JSON.stringify(target['default'])}`
    const { description: text = target['description'] } = property
    return `<tr><td><code>${escape(name)}</code>${required.includes(name) ? ' <i>required</i>' : ''}</td><td>${escape(typeText(property) + fallback)}</td><td>${inline(typeof text === 'string' ? text : '')}</td></tr>`
  })
  return rows.length === 0 ? '' : `<table>${rows.join('')}</table>`
}

function answers(document: OpenApi, operation: Operation): string {
  const all = Object.entries(operation.responses).map(([status, response]) => {
    const schema = response.content?.['application/json']?.schema
    const shown =
      schema === undefined
        ? ''
        : `<details><summary>fields</summary>${fields(document, schema)}</details>`
    return `<tr><td><b>${status}</b></td><td>${problemLinks(inline(response.description))}${shown}</td></tr>`
  })
  return `<details open><summary>Answers</summary><table>${all.join('')}</table></details>`
}

function problemLinks(html: string): string {
  return html.replace(/<code>(\/docs\/errors#([a-z-]+))<\/code>/g, '<a href="$1">$2</a>')
}

function curl(document: OpenApi, { method, path, operation }: Entry): string {
  const url = `http://localhost:7100${path}`
  const verb = method === 'GET' ? '' : ` -X ${method}`
  const key =
    operation.security.length === 0 ? '' : ` \\\n  -H "Authorization: Bearer $SLUICE_API_KEY"`
  const schema = operation.requestBody?.content['application/json']?.schema
  const example =
    schema === undefined
      ? undefined
      : (resolve(document, schema)['examples'] as unknown[] | undefined)?.[0]
  const body =
    example === undefined
      ? ''
      : ` \\\n  -H 'Content-Type: application/json' \\\n  -d '${JSON.stringify(example)}'`
  return `curl${verb} ${url}${key}${body}`
}

function resolve(document: OpenApi, schema: Schema): Schema {
  const { $ref } = schema
  return typeof $ref === 'string'
    ? (document.components.schemas[$ref.split('/').at(-1) ?? ''] ?? {})
    : schema
}

function typeText(schema: Schema): string {
  const { $ref, type, enum: values, items, anyOf } = schema
  if (typeof $ref === 'string') return $ref.split('/').at(-1) ?? ''
  if (Array.isArray(values)) return values.map((value) => JSON.stringify(value)).join(' | ')
  if (Array.isArray(anyOf))
    return [...new Set(anyOf.map((one) => typeText(one as Schema)))].join(' | ')
  if (type === 'array') return `[${typeText((items ?? {}) as Schema)}]`
  return typeof type === 'string' ? type : 'any'
}

function badge(method: string): string {
  return `<span class="${method.toLowerCase()}">${method}</span>`
}

function shell(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sluice ${title}</title><style>${style}</style></head><body>${body}</body></html>`
}

/** The little of Markdown that docs/errors.md uses. */
function markdown(block: string): string {
  const heading = /^(#{1,2}) (.+)$/.exec(block)
  if (heading !== null) {
    const [, marks = '', text = ''] = heading
    return `<h${marks.length} id="${escape(text)}">${escape(text)}</h${marks.length}>`
  }
  if (block.startsWith('```'))
    return `<pre>${escape(block.replace(/^```\w*\n|\n?```$/g, ''))}</pre>`
  return `<p>${inline(block)}</p>`
}

function inline(text: string): string {
  return escape(text)
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replace(/\*\*([^*]+)\*\*/g, '<b>$1</b>')
}

function escape(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']/g, (found) => entities[found] ?? found)
}

const style = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--link:#0b62c4}
@media(prefers-color-scheme:dark){:root{--link:#7db7ff}}
*{box-sizing:border-box}
body{margin:0;font:15px/1.5 system-ui,sans-serif;display:flex}
nav{width:290px;flex:none;height:100vh;position:sticky;top:0;overflow:auto;padding:16px;border-right:1px solid var(--line)}
nav ul{list-style:none;margin:0;padding:0}nav li{margin:3px 0}nav h3{margin:18px 0 4px;font-size:12px;text-transform:uppercase;opacity:.65}
nav a{text-decoration:none;color:inherit}a{color:var(--link)}
main{padding:24px 40px;max-width:980px;min-width:0}
section{border-top:1px solid var(--line);padding:6px 0 18px}
section:target h3{background:var(--soft)}
h2{margin-top:48px}
code,pre{font:13px/1.45 ui-monospace,monospace}
pre{background:var(--soft);padding:10px 12px;border-radius:6px;overflow:auto}
table{border-collapse:collapse;width:100%;margin:6px 0}td{border-top:1px solid var(--line);padding:4px 10px 4px 0;vertical-align:top}
nav span,h3 span{font:600 11px ui-monospace,monospace;padding:1px 5px;border-radius:4px;background:var(--soft)}
.get{color:#1a7f37}.post{color:#0969da}.patch{color:#9a6700}.delete{color:#cf222e}
summary{cursor:pointer;opacity:.8}i{opacity:.7;font-size:12px}
@media(max-width:800px){nav{display:none}main{padding:16px}}
`
