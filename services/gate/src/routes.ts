/** A port that is opened, and where what comes in there goes. */
export interface Route {
  readonly port: number;
  readonly targetHost: string;
  readonly targetPort: number;
}

const routePattern = /^(\d{1,5})=([A-Za-z0-9][A-Za-z0-9.-]*):(\d{1,5})$/;

/** `8000=api:8000,5000=web:5000`. Throws an Error that says which entry is wrong. */
export function parseRoutes(text: string): readonly Route[] {
  const entries = text.split(',').flatMap((entry) => (entry.trim() === '' ? [] : [entry.trim()]));
  if (entries.length === 0) throw new Error('GATE_ROUTES is empty: write PORT=HOST:PORT, several with commas');
  const routes = entries.map(parseRoute);
  const ports = routes.map(({ port }) => port);
  const twice = ports.find((port, index) => ports.indexOf(port) !== index);
  if (twice !== undefined) throw new Error(`GATE_ROUTES has port ${twice} twice`);
  return routes;
}

function parseRoute(entry: string): Route {
  const [, port = '', targetHost = '', targetPort = ''] = routePattern.exec(entry) ?? [];
  if (!isPort(port) || !isPort(targetPort)) throw new Error(`GATE_ROUTES has "${entry}" where PORT=HOST:PORT belongs`);
  return { port: Number(port), targetHost, targetPort: Number(targetPort) };
}

function isPort(digits: string): boolean {
  return digits !== '' && Number(digits) >= 1 && Number(digits) <= 65_535;
}
