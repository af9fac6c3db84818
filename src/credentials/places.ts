/** What each sealed secret is bound to: its row. Moved to another place it does not open. */
export const places = {
  credential: (credentialId: string) => `credential/${credentialId}`,
  oauthToken: (credentialId: string) => `oauth_token/${credentialId}`,
  oauthApp: (oauthAppId: string) => `oauth_app/${oauthAppId}`,
  webhookEndpoint: (tokenHash: string) => `webhook/${tokenHash}`,
  idempotentAnswer: (tenantId: string, key: string) => `idempotency/${tenantId}/${key}`,
}
