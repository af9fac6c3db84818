import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runHubspotSimulator } from './run.ts'
import { createHubspotSimulator } from './simulator.ts'

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'hubspot-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  return dir
}

test('a portal in a directory goes on where it stopped: records, fates, associations, tokens', () => {
  const dir = directory()
  const first = createHubspotSimulator({ dir })
  first.seedAccount(400)
  const narrow = first.keys.restricted(['deals'])
  const { id } = first.create('contacts')
  first.gdprDelete('contacts', id)
  const before = first.snapshot()
  const fates = first.fates('contacts')
  first.close()

  const second = createHubspotSimulator({ dir, seed: 99 })
  onTestFinished(() => second.close())
  expect([second.restored, second.complete]).toEqual([true, true])
  expect(second.snapshot()).toEqual(before)
  expect(second.fates('contacts')).toEqual(fates)
  expect(second.accountId).toBe(first.accountId)
  expect(second.keys.secret).toBe(first.keys.secret)
  expect(second.keys.oauth).toEqual(first.keys.oauth)
  expect(second.keys.list()).toContain(narrow)
  expect(before.contacts).not.toHaveProperty([second.create('contacts').id])
})

test('a portal killed while it was seeded is made anew', async () => {
  const dir = directory()
  const torso = createHubspotSimulator({ dir })
  torso.seedAccount(200)
  torso.close()
  // As a kill in mid-seeding leaves it: begun, not ended.
  appendFileSync(join(dir, 'journal.jsonl'), '[["note","counter","seeding",200]]\n')
  const running = await runHubspotSimulator({ port: 0, dir, total: 200 })
  onTestFinished(() => running.close())
  expect([running.simulator.restored, running.simulator.complete]).toEqual([false, true])
})

test('a SIGKILL loses nothing that was answered', async () => {
  const dir = directory()
  const run = new URL('./run.ts', import.meta.url).href
  const source = `const { runHubspotSimulator } = await import(${JSON.stringify(run)})
    const { url, key } = await runHubspotSimulator({ port: 0, total: 200, rate: 50, dir: ${JSON.stringify(dir)} })
    process.stdout.write(JSON.stringify({ url, key }) + '\\n')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const { url, key } = JSON.parse(line.toString()) as { url: string; key: string }
  const made: string[] = []
  for (let count = 0; count < 20; count++) {
    const answer = await fetch(`${url}/crm/v3/objects/notes`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ properties: { hs_note_body: `note ${count}` } }),
    })
    made.push(((await answer.json()) as { id: string }).id)
  }
  child.kill('SIGKILL')
  await once(child, 'exit')
  const again = createHubspotSimulator({ dir })
  onTestFinished(() => again.close())
  expect(Object.keys(again.snapshot('notes').notes!)).toEqual(expect.arrayContaining(made))
})
