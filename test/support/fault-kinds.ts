/** Every class of faults that src/faults/ exports, with the code, status and reasons that it declares. */

import { readdir } from 'node:fs/promises'

import type { FaultKind } from '../../src/faults/fault.ts'

const FOLDER = new URL('../../src/faults/', import.meta.url)

export async function faultKinds(): Promise<FaultKind[]> {
  const domains = (await readdir(FOLDER)).filter((name) => name !== 'fault.ts')
  const modules = await Promise.all(domains.map(async (name) => (await import(new URL(name, FOLDER).href)) as object))
  return modules.flatMap((module) => Object.values(module) as FaultKind[])
}
