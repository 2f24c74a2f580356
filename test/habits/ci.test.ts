import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { load } from 'js-yaml'

import { ROOT } from '../house/root.ts'

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

interface Job {
  readonly permissions?: unknown
  readonly steps: readonly Step[]
}

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
}

const workflow = load(readFileSync(join(ROOT, '.github/workflows/ci.yml'), 'utf8')) as Workflow
const steps = Object.values(workflow.jobs).flatMap((job) => job.steps)

describe('the workflow of the host', () => {
  it('may read the repository and nothing else', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' })
    expect(Object.values(workflow.jobs).map(({ permissions }) => permissions)).toEqual([undefined])
  })

  it('pins every action to a commit, and leaves no credentials behind', () => {
    const used = steps.filter(({ uses }) => uses !== undefined)

    for (const { uses } of used) expect(uses).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/)
    expect(used.map((step) => step.with?.['persist-credentials'])).toEqual(used.map(() => false))
  })

  it('runs .ci/run, as every machine does', () => {
    expect(steps.flatMap(({ run }) => run ?? [])).toEqual(['.ci/run'])
    expect(statSync(join(ROOT, '.ci/run')).mode & 0o111).not.toBe(0)
  })
})
