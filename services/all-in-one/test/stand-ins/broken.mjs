// A service that does not come up.
console.error('Bad settings in the environment:');
console.error('  MODEL: expected one of small, tiny');
process.exit(1);
