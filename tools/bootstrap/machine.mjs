import { SetupError } from './setup-error.mjs';

/** What the native packages (ONNX Runtime, sharp) are built for. */
const platforms = new Set(['linux-x64', 'linux-arm64', 'darwin-arm64']);
const oldestNode = 20;

/** Throws where the project could not run, before anything is downloaded. */
export function checkMachine(machine = thisMachine()) {
  const major = Number(machine.nodeVersion.replace(/^v/, '').split('.')[0]);
  if (major < oldestNode) {
    throw new SetupError(
      `Node ${oldestNode} or newer is needed to start; this is ${machine.nodeVersion}. See https://nodejs.org/download`,
    );
  }
  if (machine.platform === 'win32') {
    throw new SetupError(
      'Windows itself is not supported: run this inside WSL 2 (https://aka.ms/wsl), where it works.',
    );
  }
  if (!platforms.has(`${machine.platform}-${machine.arch}`)) {
    throw new SetupError(
      `${machine.platform} on ${machine.arch} is not supported: there is no ONNX Runtime for it. Supported: ${[...platforms].join(', ')}`,
    );
  }
  if (machine.platform === 'linux' && !machine.glibc) {
    throw new SetupError(
      'This Linux uses musl (Alpine, for example); ONNX Runtime needs glibc. Debian, Ubuntu, Fedora and the like work.',
    );
  }
}

export function thisMachine() {
  const { platform, arch, version: nodeVersion } = process;
  // The report would look up the names of open connections.
  process.report.excludeNetwork = true;
  const glibc = platform === 'linux' ? process.report.getReport().header.glibcVersionRuntime !== undefined : false;
  return { platform, arch, nodeVersion, glibc };
}
