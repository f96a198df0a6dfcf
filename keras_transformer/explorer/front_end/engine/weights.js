/** The weights of the model data, as tensors of float32. */

import { numberOfHalf } from "../half_precision.js";
import { bytesOfBase64 } from "./base64.js";

/**
 * Reads all tensors of the model data.
 * @param {object} data the model data.
 * @returns {Map<string, {shape: number[], values: Float32Array}>}
 */
export function readTensors(data) {
  const values = readNumbers(bytesOfBase64(data.data), data.dtype);
  const tensors = new Map();
  for (const [name, { shape, offset }] of Object.entries(data.tensors)) {
    const size = shape.reduce((product, length) => product * length, 1);
    tensors.set(name, {
      shape,
      values: values.subarray(offset, offset + size),
    });
  }
  return tensors;
}

function readNumbers(bytes, dtype) {
  const isSingle = dtype === "float32";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.byteLength / (isSingle ? 4 : 2);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    // `true` means little-endian, whatever this machine is.
    values[i] = isSingle
      ? view.getFloat32(4 * i, true)
      : numberOfHalf(view.getUint16(2 * i, true));
  }
  return values;
}
