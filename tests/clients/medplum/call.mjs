// Calls a CDS service as an application with MedplumClient does: `call.mjs OPTIONS PATIENT
// [PREFETCH]`, the client's options as JSON; without a PREFETCH (JSON) it reads what the service
// asks for. Prints discovery, request, and the answer or the error.
import { MedplumClient, buildCdsRequest, generateId } from '@medplum/core';

const [options, patientId, prefetch] = process.argv.slice(2);
const medplum = new MedplumClient(JSON.parse(options));
const user = { resourceType: 'Practitioner', id: 'demo-clinician' };
const context = { userId: `Practitioner/${user.id}`, patientId };
const said = {};
try {
  said.discovery = await medplum.getCdsServices();
  const service = said.discovery.services.find((one) => one.hook === 'patient-view');
  said.request = prefetch
    ? { hook: service.hook, hookInstance: generateId(), context, prefetch: JSON.parse(prefetch) }
    : await buildCdsRequest(medplum, user, service, context);
  said.answer = await medplum.callCdsService(service.id, said.request);
} catch (error) {
  said.error = error.message;
}
console.log(JSON.stringify(said));
