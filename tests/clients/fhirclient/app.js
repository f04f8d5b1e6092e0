// A SMART app on fhirclient: `app.js PORT CLIENTS`, its registrations as JSON, name -> options of
// authorize(). GET /NAME/launch begins a launch, /NAME/callback ends it and answers with what the
// client read; /jwks.json is its key set.
const http = require('http');
const { generateKeyPairSync } = require('crypto');
const smart = require('fhirclient');

const [port, given] = process.argv.slice(2);
const base = `http://localhost:${port}`;
const clients = JSON.parse(given);
const pair = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const named = { kid: 'app-1', alg: 'ES384' };
const privateJwk = { ...pair.privateKey.export({ format: 'jwk' }), ...named, key_ops: ['sign'] };
const publicJwk = { ...pair.publicKey.export({ format: 'jwk' }), ...named, use: 'sig' };

const kept = new Map();
const storage = {
  get: async (key) => kept.get(key),
  set: async (key, value) => (kept.set(key, value), value),
  unset: async (key) => kept.delete(key),
};

function options(name) {
  const { key, ...rest } = clients[name];
  const signing = { clientPrivateJwk: privateJwk, clientPublicKeySetUrl: `${base}/jwks.json` };
  const own = key ? signing : {};
  return { clientId: name, redirectUri: `${base}/${name}/callback`, ...rest, ...own };
}

async function read(client, refresh) {
  const query = `Observation?patient=${client.patient.id}&_count=20`;
  const found = {
    patient: await client.patient.read(),
    observations: (await client.request(query, { pageLimit: 0, flat: true })).length,
    firstPage: (await client.request(query)).entry.length,
    user: client.user.fhirUser,
    userType: client.user.resourceType,
    encounter: client.encounter.id,
    serverUrl: client.state.serverUrl,
    token: client.state.tokenResponse,
  };
  if (refresh) {
    const before = found.token.access_token;
    await client.refresh();
    found.token = client.state.tokenResponse;
    found.refreshed = found.token.access_token !== before;
  }
  return found;
}

async function answer(request, response) {
  const { pathname } = new URL(request.url, base);
  const [, name, step] = pathname.split('/');
  if (name === 'jwks.json') return { keys: [publicJwk] };
  if (!(name in clients)) return { ready: true };
  const app = smart(request, response, storage);
  if (step === 'launch') return app.authorize(options(name)).then(() => undefined);
  // fhirclient sends no client assertion when it refreshes.
  return read(await app.ready(), !clients[name].key);
}

http
  .createServer(async (request, response) => {
    let body, status = 200;
    try {
      body = await answer(request, response);
    } catch (error) {
      [status, body] = [500, { error: error.message }];
    }
    if (response.writableEnded) return;
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(body));
  })
  .listen(Number(port), '127.0.0.1');
