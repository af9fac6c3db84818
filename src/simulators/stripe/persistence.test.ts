import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runStripeSimulator } from './run.ts'
import { createStripeSimulator } from './simulator.ts'

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'stripe-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  return dir
}

test('an account in a directory goes on where it stopped: objects, events, keys, stubs, idempotency', () => {
  const dir = directory()
  const first = createStripeSimulator({ dir })
  first.seedAccount(400)
  const gone = first.create('customer')
  first.remove('customer', gone.id)
  const restricted = first.keys.restricted(['event'])
  const before = first.snapshot()
  first.close()

  const second = createStripeSimulator({ dir, seed: 99 })
  onTestFinished(() => second.close())
  expect(second.restored).toBe(true)
  expect(second.complete).toBe(true)
  expect(second.snapshot()).toEqual(before)
  expect(second.accountId).toBe(first.accountId)
  expect(second.keys.secret).toBe(first.keys.secret)
  expect(second.keys.list()).toContain(restricted)
  const fresh = second.create('customer')
  expect(before.customer).not.toHaveProperty([fresh.id])
})

test('an account killed while it was seeded is made anew', async () => {
  const dir = directory()
  const torso = createStripeSimulator({ dir })
  torso.seedAccount(300)
  torso.close()
  // As a kill in mid-seeding leaves it: begun, not ended.
  appendFileSync(join(dir, 'journal.jsonl'), '[["note","seeding",300]]\n')
  const running = await runStripeSimulator({ port: 0, dir, total: 300 })
  onTestFinished(() => running.close())
  expect(running.simulator.restored).toBe(false)
  expect(running.simulator.complete).toBe(true)
})

test('a SIGKILL loses nothing that was answered', async () => {
  const dir = directory()
  const run = new URL('./run.ts', import.meta.url).href
  const source = `const { runStripeSimulator } = await import(${JSON.stringify(run)})
    const { url, key } = await runStripeSimulator({ port: 0, total: 200, rate: 50, dir: ${JSON.stringify(dir)} })
    process.stdout.write(JSON.stringify({ url, key }) + '\\n')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const { url, key } = JSON.parse(line.toString()) as { url: string; key: string }

  const answered: string[] = []
  const writer = async () => {
    for (;;) {
      const response = await fetch(`${url}/v1/customers`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}` },
        body: new URLSearchParams({ name: 'kept' }),
      })
      answered.push(((await response.json()) as { id: string }).id)
      if (answered.length === 60) child.kill('SIGKILL')
    }
  }
  await Promise.allSettled([writer(), writer(), writer()])

  const again = createStripeSimulator({ dir })
  onTestFinished(() => again.close())
  const { customer } = again.snapshot('customer')
  for (const id of answered) expect(customer).toHaveProperty([id])
  expect(again.complete).toBe(true)
  expect(again.keys.secret).toBe(key)
})
