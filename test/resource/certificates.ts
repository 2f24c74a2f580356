/** Self-signed certificates (RFC 5280), made on the spot: no key lies in the repository and none ever expires. */

import { generateKeyPairSync, sign } from 'node:crypto'

export interface Certificate {
  readonly key: string
  readonly cert: string
  readonly der: Buffer
}

const [INTEGER, BIT_STRING, OBJECT_ID, UTF8, SEQUENCE, SET, TIME] = [0x02, 0x03, 0x06, 0x0c, 0x30, 0x31, 0x18]
const ECDSA_WITH_SHA256 = tlv(SEQUENCE, tlv(OBJECT_ID, Buffer.from('2a8648ce3d040302', 'hex')))
const COMMON_NAME = tlv(OBJECT_ID, Buffer.from('550403', 'hex'))

export function aCertificate(name: string): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const who = tlv(SEQUENCE, tlv(SET, tlv(SEQUENCE, COMMON_NAME, tlv(UTF8, Buffer.from(name)))))
  const years = ['20200101000000Z', '20990101000000Z'].map((moment) => tlv(TIME, Buffer.from(moment)))
  const body = tlv(
    SEQUENCE,
    ...[tlv(INTEGER, Buffer.from([1])), ECDSA_WITH_SHA256, who, tlv(SEQUENCE, ...years), who],
    publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = tlv(BIT_STRING, Buffer.concat([Buffer.from([0]), sign('sha256', body, privateKey)]))
  const der = tlv(SEQUENCE, body, ECDSA_WITH_SHA256, signature)
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    der,
  }
}

function tlv(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  const length =
    content.length < 0x80
      ? [content.length]
      : content.length < 0x100
        ? [0x81, content.length]
        : [0x82, content.length >> 8, content.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}
