/** The web app's pages: plain HTML, no script at all. */

import type { SignedIn } from './sessions.ts'

/** A call that the signed-in page offers. */
export interface Offer {
  readonly id: string
  readonly title: string
  readonly api: string
}

export function homePage(): string {
  return page(
    'Demo web app',
    `<h1>Demo web app</h1>
     <p>A confidential client: it keeps its secret and your tokens on its own server. Your browser gets one cookie, and
     no token ever.</p>
     <p><a class="button" href="/sign-in">Sign in</a></p>`,
  )
}

export function signedInPage(person: SignedIn, offers: readonly Offer[]): string {
  const buttons = offers
    .map(
      ({ id, title, api }) =>
        `<li><button name="call" value="${escaped(id)}">${escaped(title)}</button> <span>${escaped(api)}</span></li>`,
    )
    .join('\n')
  const { last } = person
  const result =
    last === undefined
      ? ''
      : `<section aria-labelledby="result"><h2 id="result">${escaped(last.title)}: ${last.status}</h2><pre>${escaped(last.text)}</pre></section>`
  return page(
    'Demo web app',
    `<h1>Hello, ${escaped(person.name)}</h1>
     <p>Each call asks for a token that is good at that one API, with the refresh token that this app keeps.</p>
     <form method="post" action="/call"><ul class="calls">${buttons}</ul></form>
     ${result}
     <form method="post" action="/sign-out"><button class="quiet">Sign out</button></form>`,
  )
}

export function problemPage(message: string): string {
  return page(
    'Sign-in failed',
    `<h1>That did not work</h1><p role="alert">${escaped(message)}</p><p><a class="button" href="/">Start again</a></p>`,
  )
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
</head>
<body><main>${body}</main></body>
</html>`
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
