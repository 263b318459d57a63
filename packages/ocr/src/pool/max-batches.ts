/**
 * Batches that an engine process tells of between two messages; of more only the last are told. Not part of the protocol's
 * file, whose schemas are the pool's alone: in an engine process the library behind them would take 17 MB.
 */
export const maxBatchesPerMessage = 1_000;
