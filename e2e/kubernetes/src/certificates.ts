import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from '../../src/command.ts';

/** Files of one private authority: what servers on loopback show, and what the API server shows to those behind it. */
export interface Certificates {
  readonly authority: string;
  readonly server: KeyPair;
  /** By which an extension of the API knows that a request came through the API server. */
  readonly frontProxy: KeyPair;
  /** Signs the tokens of service accounts. */
  readonly serviceAccounts: { readonly key: string; readonly publicKey: string };
}

export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export const frontProxyName = 'front-proxy';

/** Good for a day. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => command('openssl', args, { cwd: folder });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'];
  await openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '1', '-subj', '/CN=ca');
  const sign = async (name: string, extensions: string): Promise<KeyPair> => {
    await writeFile(file(`${name}.ext`), extensions);
    await openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const signer = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '1', '-extfile', `${name}.ext`];
    await openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, ...signer);
    await chmod(file(`${name}.key`), 0o600);
    return { certificate: file(`${name}.crt`), key: file(`${name}.key`) };
  };
  const server = await sign(
    'server',
    'extendedKeyUsage=serverAuth\nsubjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc\n',
  );
  const frontProxy = await sign(frontProxyName, 'extendedKeyUsage=clientAuth\n');
  await openssl('genrsa', '-out', 'accounts.key', '2048');
  await openssl('rsa', '-in', 'accounts.key', '-pubout', '-out', 'accounts.pub');
  return {
    authority: file('ca.crt'),
    server,
    frontProxy,
    serviceAccounts: { key: file('accounts.key'), publicKey: file('accounts.pub') },
  };
}
