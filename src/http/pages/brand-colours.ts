/**
 * The operator's colour, made fit for buttons and links.
 *
 * One colour cannot be read on white and on nearly black alike. It is moved towards black for the light scheme and towards
 * white for the dark one, as far as WCAG 2.2 AA wants it for text (4.5:1) and no further.
 */

export interface AccentColours {
  readonly accent: string
  /** For what is under the pointer. */
  readonly strong: string
  /** Text on the accent. */
  readonly on: string
}

type Rgb = readonly [number, number, number]

// The darkest ground of the light scheme and the lightest of the dark one, as views/assets/grantor.css has them.
const GROUNDS = { light: '#f2f4f3', dark: '#18201d' } as const
const ENDS = { light: '#000000', dark: '#ffffff' } as const
const READABLE = 4.5
const STEPS = 40
const STRONGER = 0.2

export function accentColours(colour: string, scheme: 'light' | 'dark'): AccentColours {
  const end = parse(ENDS[scheme])
  const ground = parse(GROUNDS[scheme])
  let accent = parse(colour)
  for (let step = 1; step <= STEPS && contrast(accent, ground) < READABLE; step++) {
    accent = mix(parse(colour), end, step / STEPS)
  }
  const strong = mix(accent, end, STRONGER)
  const on = contrast(accent, parse('#ffffff')) >= READABLE ? '#ffffff' : '#000000'
  return { accent: text(accent), strong: text(strong), on }
}

/** Added to the stylesheet: it comes last, so it wins. */
export function accentStyles(colour: string): string {
  const rule = ({ accent, strong, on }: AccentColours) =>
    `:root{--accent:${accent};--accent-strong:${strong};--on-accent:${on}}`
  return `\n${rule(accentColours(colour, 'light'))}\n@media(prefers-color-scheme:dark){${rule(accentColours(colour, 'dark'))}}\n`
}

function parse(hex: string): Rgb {
  const part = (at: number) => Number.parseInt(hex.slice(at, at + 2), 16)
  return [part(1), part(3), part(5)]
}

function text(rgb: Rgb): string {
  return `#${rgb.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`
}

function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const part = (at: 0 | 1 | 2) => from[at] + (to[at] - from[at]) * share
  return [part(0), part(1), part(2)]
}

/** WCAG 2.2, "contrast ratio". */
export function contrast(a: Rgb, b: Rgb): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (light + 0.05) / (dark + 0.05)
}

function luminance([red, green, blue]: Rgb): number {
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

function linear(part: number): number {
  const share = part / 255
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
}
