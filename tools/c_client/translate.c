/* Translates standard input to standard output with a SavedModel, in C.
 *
 *     translate SAVED_MODEL OPERATIONS... < source.txt > target.txt
 *
 * OPERATIONS are the libraries of tensorflow-text that contain the operations
 * of the tokenizer. `python -m tools.c_client` compiles this file and prints
 * the command. Errors end the program with one line and exit code 1.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"

/* Lines that are translated together. */
enum { BATCH = 32 };

/* Bytes of a protocol buffer message, or of a part of it. */
typedef struct {
  const unsigned char *at, *end;
} Bytes;

static void fail(const char *what, const char *why) {
  fprintf(stderr, "error: %s: %s\n", what, why);
  exit(1);
}

static void check(TF_Status *status, const char *what) {
  if (TF_GetCode(status) != TF_OK) fail(what, TF_Message(status));
}

/* Reads a number in groups of seven bits, the lowest group first. */
static size_t read_number(Bytes *message) {
  size_t number = 0;
  for (int shift = 0; message->at < message->end && shift < 63; shift += 7) {
    unsigned char group = *message->at++;
    number |= (size_t)(group & 127) << shift;
    if (group < 128) return number;
  }
  fail("the signatures of the SavedModel", "damaged");
  return 0;
}

/* Moves to the next field with this number, and returns its bytes. */
static int next_field(Bytes *message, size_t wanted, Bytes *field) {
  while (message->at < message->end) {
    size_t tag = read_number(message), length = 0;
    switch (tag & 7) {
      case 0: read_number(message); break;
      case 1: length = 8; break;
      case 2: length = read_number(message); break;
      case 5: length = 4; break;
      default: fail("the signatures of the SavedModel", "damaged");
    }
    if (length > (size_t)(message->end - message->at))
      fail("the signatures of the SavedModel", "cut off");
    *field = (Bytes){message->at, message->at + length};
    message->at += length;
    if (tag >> 3 == wanted && (tag & 7) == 2) return 1;
  }
  return 0;
}

/* Returns the value of a key in a map, which is the field of this number. */
static Bytes value_of(Bytes message, size_t map, const char *key) {
  Bytes entry, name, value;
  while (next_field(&message, map, &entry)) {
    Bytes rest = entry;
    if (!next_field(&rest, 1, &name)) continue;
    size_t length = (size_t)(name.end - name.at);
    if (length != strlen(key) || memcmp(name.at, key, length)) continue;
    if (next_field(&entry, 2, &value)) return value;
  }
  fail("the SavedModel is of another kind: it does not have", key);
  return message;
}

/* Finds the tensor of an input or output: of its `TensorInfo`, "NAME:INDEX". */
static TF_Output tensor_of(TF_Graph *graph, Bytes signature, size_t map,
                           const char *key) {
  Bytes info = value_of(signature, map, key), name;
  char text[512] = "";
  if (next_field(&info, 1, &name) && name.end - name.at < (long)sizeof text)
    memcpy(text, name.at, (size_t)(name.end - name.at));
  char *colon = strrchr(text, ':');
  if (!colon) fail("a tensor without a name", key);
  *colon = '\0';
  TF_Output output = {TF_GraphOperationByName(graph, text), atoi(colon + 1)};
  if (!output.oper) fail("the graph has no operation", text);
  return output;
}

/* Makes a tensor of strings, which owns copies of the lines. */
static TF_Tensor *strings(char **lines, int count) {
  int64_t shape[] = {count};
  TF_Tensor *tensor = TF_AllocateTensor(TF_STRING, shape, 1,
                                        (size_t)count * sizeof(TF_TString));
  TF_TString *items = TF_TensorData(tensor);
  for (int i = 0; i < count; ++i) {
    TF_StringInit(&items[i]);
    TF_StringCopy(&items[i], lines[i], strlen(lines[i]));
  }
  return tensor;
}

static void translate(TF_Session *session, TF_Output input, TF_Output output,
                      char **lines, int count, TF_Status *status) {
  TF_Tensor *text = strings(lines, count), *translation = NULL;
  TF_SessionRun(session, NULL, &input, &text, 1, &output, &translation, 1, NULL,
                0, NULL, status);
  check(status, "the translation failed");
  TF_TString *read = TF_TensorData(text), *items = TF_TensorData(translation);
  for (int i = 0; i < count; ++i) {
    fwrite(TF_StringGetDataPointer(&items[i]), 1, TF_StringGetSize(&items[i]),
           stdout);
    putchar('\n');
    TF_StringDealloc(&read[i]);
    free(lines[i]);
  }
  fflush(stdout);
  TF_DeleteTensor(text);
  TF_DeleteTensor(translation);
}

int main(int argc, char **argv) {
  if (argc < 3) fail("usage", "translate SAVED_MODEL OPERATIONS... < source");
  const char *tags[] = {"serve"};
  TF_Status *status = TF_NewStatus();
  for (int i = 2; i < argc; i++) {
    TF_LoadLibrary(argv[i], status);
    check(status, "the operations cannot be loaded");
  }
  TF_Graph *graph = TF_NewGraph();
  TF_Buffer *meta_graph = TF_NewBuffer();
  TF_SessionOptions *options = TF_NewSessionOptions();
  TF_Session *session = TF_LoadSessionFromSavedModel(
      options, NULL, argv[1], tags, 1, graph, meta_graph, status);
  check(status, "the SavedModel cannot be loaded");
  /* `MetaGraphDef.signature_def`, `SignatureDef.inputs` and `.outputs`. */
  const unsigned char *data = meta_graph->data;
  Bytes signature = value_of((Bytes){data, data + meta_graph->length}, 5,
                             "serving_default");
  TF_Output input = tensor_of(graph, signature, 1, "text");
  TF_Output output = tensor_of(graph, signature, 2, "translation");

  char *lines[BATCH], *line = NULL;
  size_t room = 0;
  int count = 0;
  for (ssize_t length; (length = getline(&line, &room, stdin)) >= 0;) {
    while (length && strchr("\r\n", line[length - 1])) line[--length] = '\0';
    if (!(lines[count++] = strdup(line))) fail("a line", "no memory");
    if (count < BATCH) continue;
    translate(session, input, output, lines, count, status);
    count = 0;
  }
  if (count) translate(session, input, output, lines, count, status);
  TF_CloseSession(session, status);
  return ferror(stdin) || ferror(stdout);
}
