import { runProgram } from './run-program.ts';

process.exitCode = await runProgram({ env: process.env });
