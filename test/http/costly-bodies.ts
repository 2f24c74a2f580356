/** Bodies that are made to be expensive to read, of any size. */

export const COSTLY_BODIES: Readonly<Record<string, (bytes: number) => string>> = {
  'a&a&…': (bytes) => 'a&'.repeat(bytes / 2),
  'token=&token=&…': (bytes) => 'token=&'.repeat(bytes / 7),
  'one long value': (bytes) => `token=${'a'.repeat(bytes - 6)}`,
  'one long name': (bytes) => 'a'.repeat(bytes),
  'percent-encoding throughout': (bytes) => `token=${'%61'.repeat((bytes - 6) / 3)}`,
  'broken percent-encoding': (bytes) => `token=${'%'.repeat(bytes - 6)}`,
  '10,000 parameters': (bytes) => numbered(10_000).slice(0, bytes),
  'deep JSON': (bytes) => '['.repeat(bytes),
  'deep JSON in a parameter': (bytes) => `client_id=demo-spa&claims=${'{"a":'.repeat((bytes - 30) / 5)}`,
  'dots, as in a token': (bytes) => `client_id=demo-spa&token=${'.'.repeat(bytes - 30)}`,
}

function numbered(count: number): string {
  return Array.from({ length: count }, (_, at) => `p${at}=1`).join('&')
}
