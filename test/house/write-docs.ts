/** `node test/house/write-docs.ts`: writes the parts of the pages that are made from the code. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { writeParts } from './documents.ts'
import { referencePages } from './reference.ts'
import { ROOT } from './root.ts'

writeParts(ROOT)
for (const { page, text } of referencePages()) {
  mkdirSync(dirname(join(ROOT, page)), { recursive: true })
  writeFileSync(join(ROOT, page), text)
}
