// What a relying party's library makes of a logout token: reads {token, jwks, issuer, audience} from standard
// input, prints the claims.
import { text } from 'node:stream/consumers';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { token, jwks, issuer, audience } = JSON.parse(await text(process.stdin));
const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(jwks)), {
  issuer,
  audience,
  typ: 'logout+jwt',
  maxTokenAge: '2 minutes',
  requiredClaims: ['iat', 'exp', 'jti', 'events'],
});
console.log(JSON.stringify(payload));
