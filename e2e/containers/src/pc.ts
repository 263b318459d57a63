import { fileURLToPath } from 'node:url';
import type { Answer, RequestOptions } from '../../src/http-client.ts';
import { command, type CommandOptions } from '../../src/command.ts';

const askProgram = fileURLToPath(new URL('ask.ts', import.meta.url));

/**
 * A PC as far as its network goes: a network namespace with a line to the machine it is on (through which builds reach
 * package registries) and one to a stranger, both of which can be cut. Docker's bridges and firewall rules stay in there.
 */
export class Pc {
  readonly name: string;
  /** The stranger's end of the other line: a namespace, too. */
  readonly strangerName: string;
  static readonly strangerAddress = '198.51.100.2';
  static readonly address = '198.51.100.1';
  readonly #uplink: string;
  readonly #subnet: string;
  #forwardedBefore = '1';

  private constructor(id: number) {
    this.name = `gm-pc-${id}`;
    this.strangerName = `gm-out-${id}`;
    this.#uplink = `gm${id}`;
    this.#subnet = `198.18.${id % 256}`;
  }

  static async create(): Promise<Pc> {
    const pc = new Pc(process.pid);
    try {
      await pc.#layOut();
    } catch (error) {
      await pc.close();
      throw error;
    }
    return pc;
  }

  async #layOut(): Promise<void> {
    const { name, strangerName } = this;
    const subnet = this.#subnet;
    await ip(`netns add ${name}`);
    await ip(`netns add ${strangerName}`);
    for (const each of [name, strangerName]) await ip(`-n ${each} link set lo up`);
    // The machine's own line may carry smaller packets than 1,500 bytes.
    await ip(`link add ${this.#uplink} mtu 1400 type veth peer name uplink mtu 1400 netns ${name}`);
    await ip(`addr add ${subnet}.1/30 dev ${this.#uplink}`);
    await ip(`link set ${this.#uplink} up`);
    await ip(`-n ${name} addr add ${subnet}.2/30 dev uplink`);
    await ip(`link add name outside netns ${name} type veth peer name inside netns ${strangerName}`);
    await ip(`-n ${name} addr add ${Pc.address}/24 dev outside`);
    await ip(`-n ${strangerName} addr add ${Pc.strangerAddress}/24 dev inside`);
    await ip(`-n ${strangerName} link set inside up`);
    this.#forwardedBefore = await command('sysctl', ['-n', 'net.ipv4.ip_forward']);
    await command('sysctl', ['-w', 'net.ipv4.ip_forward=1']);
    await this.#masquerade('-A');
    await this.connect();
  }

  /** Routes go with a line that is down and do not come back by themselves. */
  async connect(): Promise<void> {
    await ip(`-n ${this.name} link set uplink up`);
    await ip(`-n ${this.name} link set outside up`);
    await ip(`-n ${this.name} route replace default via ${this.#subnet}.1`);
  }

  async pullTheCable(): Promise<void> {
    await ip(`-n ${this.name} link set uplink down`);
    await ip(`-n ${this.name} link set outside down`);
  }

  /** A command line as it is run on the PC. */
  inside(...line: readonly string[]): readonly [string, readonly string[]] {
    return ['nsenter', [`--net=/run/netns/${this.name}`, ...line]];
  }

  run(line: readonly string[], options?: CommandOptions): Promise<string> {
    return command(...this.inside(...line), options);
  }

  /** A request to a port of the PC's loopback, made on the PC. */
  async request(options: Omit<RequestOptions, 'signal' | 'body'> & { readonly body?: string }): Promise<Answer> {
    const answer = await this.run([process.execPath, askProgram], { input: JSON.stringify(options) });
    return JSON.parse(answer) as Answer;
  }

  async close(): Promise<void> {
    await this.#masquerade('-D').catch(() => undefined);
    for (const each of [this.name, this.strangerName]) await ip(`netns delete ${each}`).catch(() => undefined);
    await ip(`link delete ${this.#uplink}`).catch(() => undefined);
    if (this.#forwardedBefore === '0') await command('sysctl', ['-w', 'net.ipv4.ip_forward=0']).catch(() => undefined);
  }

  async #masquerade(verb: '-A' | '-D'): Promise<void> {
    const rule = `-s ${this.#subnet}.0/30 ! -o ${this.#uplink} -j MASQUERADE`.split(' ');
    await command('iptables', ['-w', '-t', 'nat', verb, 'POSTROUTING', ...rule]);
  }
}

function ip(words: string): Promise<string> {
  return command('ip', words.split(' '));
}
