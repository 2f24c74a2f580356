/** The page: shows who is signed in, and what the APIs answer. Text goes in as text, never as HTML. */

import { createSignIn } from './oauth.js'

const ORDERS = 'https://orders.example'
const INVENTORY = 'https://inventory.example'
const REPORTS = 'https://reports.example'

const { apis, ...settings } = await (await fetch('/settings.json')).json()
const signIn = createSignIn({
  ...settings,
  scope: 'openid profile orders:read orders:write inventory:read reports:read',
  resources: [ORDERS, INVENTORY, REPORTS],
})

const CALLS = [
  { title: 'See my orders', resource: ORDERS, url: `${apis.orders}/orders` },
  { title: 'Order tea', resource: ORDERS, url: `${apis.orders}/orders`, body: '{"item":"Tea for one"}' },
  { title: 'See the stock', resource: INVENTORY, url: `${apis.inventory}/items` },
  { title: 'Read my reports', resource: REPORTS, url: `${apis.reports}/reports` },
]

const element = (id) => document.getElementById(id)

element('sign-in').addEventListener('click', () => void attempt(() => signIn.begin()))
element('sign-out').addEventListener('click', () => void attempt(() => signIn.signOut()))
for (const call of CALLS) element('calls').append(callButton(call))
await attempt(open)

async function open() {
  element('signed-out').hidden = false
  if ((await signIn.finish()) === undefined) return
  const { name, sub } = await signIn.person()
  element('greeting').textContent = `Hello, ${name ?? sub}`
  element('signed-out').hidden = true
  element('signed-in').hidden = false
}

function callButton(call) {
  const [row, button, address] = ['li', 'button', 'span'].map((name) => document.createElement(name))
  button.type = 'button'
  button.textContent = call.title
  address.textContent = call.url
  button.addEventListener('click', () => {
    button.disabled = true
    void attempt(() => perform(call)).then(() => {
      button.disabled = false
    })
  })
  row.append(button, ' ', address)
  return row
}

async function perform({ title, resource, url, body }) {
  const headers = { authorization: `Bearer ${await signIn.accessToken(resource)}`, 'content-type': 'application/json' }
  const response = await fetch(url, body === undefined ? { headers } : { method: 'POST', headers, body })
  element('result-title').textContent = `${title}: ${response.status}`
  element('result-text').textContent = JSON.stringify(await response.json(), null, 2)
  element('result').hidden = false
}

/** Shows what went wrong instead of leaving the person with a page that does nothing. */
async function attempt(action) {
  element('problem').hidden = true
  try {
    await action()
  } catch (error) {
    element('problem').textContent = error.message
    element('problem').hidden = false
  }
}
