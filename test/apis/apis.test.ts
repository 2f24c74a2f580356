import { describe, expect, it } from 'vitest'

import { createApis } from '../../src/apis/apis.ts'
import type { ApiSettings } from '../../src/config/config.ts'

function anApi(audience: string, scopes: Record<string, string>): ApiSettings {
  return {
    audience,
    name: audience,
    scopes,
    tokenFormat: 'jwt',
    algorithm: 'RS256',
    secret: undefined,
    accessTokenSeconds: 600,
    opensUserinfo: true,
    introspectedBy: [],
  }
}

const ORDERS = anApi('https://orders.example', { 'orders:read': 'See your orders', read: 'Read orders' })
const REPORTS = anApi('https://reports.example', { 'reports:read': 'See reports', read: 'Read reports' })

describe('apis', () => {
  it('finds an API by its audience, exactly as it is written', () => {
    const apis = createApis([ORDERS, REPORTS], ORDERS.audience)

    expect(apis.findApi('https://reports.example')).toBe(REPORTS)
    expect(apis.findApi('https://reports.example/')).toBeUndefined()
    expect(apis.listApis()).toEqual([ORDERS, REPORTS])
    expect(apis.defaultApi).toBe('https://orders.example')
  })

  it('names every scope once, though two APIs have it', () => {
    expect(createApis([ORDERS, REPORTS], undefined).allScopes()).toEqual(['orders:read', 'read', 'reports:read'])
  })

  it('has the sentence of that API for a scope, and else the scope itself', () => {
    const apis = createApis([ORDERS, REPORTS], undefined)

    expect(apis.sentenceFor('https://reports.example', 'read')).toBe('Read reports')
    expect(apis.sentenceFor('https://reports.example', 'orders:read')).toBe('orders:read')
    expect(apis.sentenceFor('https://other.example', 'read')).toBe('read')
    expect(apis.sentenceFor('https://orders.example', 'constructor')).toBe('constructor')
  })

  it('refuses two APIs of one audience, and a default that is none of them', () => {
    expect(() => createApis([ORDERS, ORDERS], undefined)).toThrow(TypeError)
    expect(() => createApis([ORDERS], REPORTS.audience)).toThrow(TypeError)
  })
})
