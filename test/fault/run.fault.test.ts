import { expect, test } from 'vitest'
import { runFaults } from './run.ts'

test('G1, G4, G8, G9, G10, G11, G12: a minute of kills, cut connections, faults and commands; at rest everything is equal', async () => {
  const lines: string[] = []
  const report = await runFaults({ seed: 4, minutes: 1, say: (line) => lines.push(line) })
  expect(report, [...lines, report.text].join('\n')).toMatchObject({ violations: 0 })
}, 540_000)
