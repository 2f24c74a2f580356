/** `npm run hooks`: Git runs the hooks of .githooks/ in this clone from now on. `npm run hooks -- --off` undoes it. */

import { execFileSync } from 'node:child_process'

const isOff = process.argv.includes('--off')
execFileSync('git', ['config', ...(isOff ? ['--unset', 'core.hooksPath'] : ['core.hooksPath', '.githooks'])], {
  stdio: 'inherit',
})
console.log(isOff ? 'The hooks are off.' : 'Hooks: .githooks/commit-msg and .githooks/pre-push.')
