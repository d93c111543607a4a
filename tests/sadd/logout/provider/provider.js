// A provider on a free port: prints the port, takes its client as one line of JSON, prints "ready", and then a
// line for each logout token that it sent: "sent" or "failed …".
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const secretOf = (kind, options, alg) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }),
  use: 'sig',
  alg,
});

const server = createServer();
server.listen(0, '127.0.0.1', () => console.log(server.address().port));

createInterface({ input: process.stdin }).once('line', (line) => {
  const client = JSON.parse(line);
  const provider = new Provider(`http://127.0.0.1:${server.address().port}`, {
    clients: [client],
    jwks: {
      keys: [
        secretOf('rsa', { modulusLength: 2048 }, 'RS256'),
        secretOf('ec', { namedCurve: 'P-256' }, 'ES256'),
      ],
    },
    cookies: { keys: ['for the tests'] },
    features: {
      backchannelLogout: { enabled: true },
      devInteractions: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          ctx.body = form;
        },
      },
    },
    // As its own, but that it may call the loopback, where the tests are.
    fetch: (url, options) =>
      globalThis.fetch(url, { ...options, dispatcher: undefined, signal: AbortSignal.timeout(10_000) }),
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  });
  provider.on('backchannel.success', () => console.log('sent'));
  provider.on('backchannel.error', (ctx, error) => console.log(`failed ${error.message} ${error.cause ?? ''}`));
  provider.on('server_error', (ctx, error) => console.error(error));
  server.on('request', provider.callback());
  console.log('ready');
});
