/** `node test/house/write-docs.ts`: writes the parts of docs/ that are made from the code. */

import { writeParts } from './documents.ts'
import { ROOT } from './root.ts'

writeParts(ROOT)
