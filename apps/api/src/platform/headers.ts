const HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-site',
  'permissions-policy':
    'accelerometer=(), camera=(), clipboard-read=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()',
  'cache-control': 'no-store',
  vary: 'Origin',
} as const;

/** Two years and every name below: browsers ask this host over TLS alone. */
const TLS_ONLY = { 'strict-transport-security': 'max-age=63072000; includeSubDomains' } as const;

/**
 * What stands on every answer: nothing of it may be framed, sniffed, cached or referred from. Pages set a policy of their own. Only a
 * service whose address is https asks for TLS: said once to a browser on this machine, it would bind every other service at localhost.
 */
export function securityHeaders(apiUrl: string): Record<string, string> {
  return apiUrl.startsWith('https:') ? { ...HEADERS, ...TLS_ONLY } : HEADERS;
}
