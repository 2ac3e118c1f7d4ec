/* An MPI library of one rank with the standard interface of MPI 5, chapter 20. Its constants are those of the MPI Forum's header file.
   It ends the process at a constant that is none of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MPI_COMM_WORLD ((void *)0x00000101)
#define MPI_ERRORS_RETURN ((void *)0x00000143)
#define MPI_DATATYPE_NULL ((void *)0x00000200)
#define MPI_BYTE ((void *)0x00000247)
enum { MPI_THREAD_SERIALIZED = 2048, MPI_MAX_ERROR_STRING = 512, MPI_ERR_COUNT = 2 };

#define EXPECT(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s: %s expected\n", __func__, #condition); \
			abort(); \
		} \
	} while (0)

static char page; /* the type that is made: its address is the handle */
static int page_bytes;
static int errors_return;

static size_t bytes(int count, void *type) {
	EXPECT(type == MPI_BYTE || type == &page);
	return (size_t)count * (type == MPI_BYTE ? 1 : page_bytes);
}

int MPI_Abi_get_version(int *major, int *minor) {
	*major = 1;
	*minor = 0;
	return 0;
}

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided) {
	EXPECT(required == MPI_THREAD_SERIALIZED);
	*provided = required;
	return 0;
}

int MPI_Comm_set_errhandler(void *comm, void *handler) {
	EXPECT(comm == MPI_COMM_WORLD);
	EXPECT(handler == MPI_ERRORS_RETURN);
	errors_return = 1;
	return 0;
}

int MPI_Comm_rank(void *comm, int *rank) {
	EXPECT(comm == MPI_COMM_WORLD);
	*rank = 0;
	return 0;
}

int MPI_Comm_size(void *comm, int *size) {
	EXPECT(comm == MPI_COMM_WORLD);
	*size = 1;
	return 0;
}

int MPI_Type_contiguous(int count, void *old, void **type) {
	EXPECT(old == MPI_BYTE);
	page_bytes = count;
	*type = &page;
	return 0;
}

int MPI_Type_commit(void **type) {
	EXPECT(*type == &page);
	return 0;
}

int MPI_Type_free(void **type) {
	EXPECT(*type == &page);
	*type = MPI_DATATYPE_NULL;
	return 0;
}

int MPI_Sendrecv(const void *send, int sends, void *sent, int to, int sendtag, void *recv, int recvs, void *received, int from, int recvtag,
		 void *comm, void *status) {
	abort(); /* one rank has no other */
}

int MPI_Allgatherv(const void *send, int sends, void *sent, void *recv, const int recvs[], const int places[], void *received, void *comm) {
	EXPECT(comm == MPI_COMM_WORLD);
	EXPECT(sends == recvs[0]);
	memcpy((char *)recv + bytes(places[0], received), send, bytes(sends, sent));
	return 0;
}

int MPI_Bcast(void *buffer, int count, void *type, int root, void *comm) {
	EXPECT(comm == MPI_COMM_WORLD);
	EXPECT(root == 0);
	if (bytes(count, type) != 13)
		return 0;
	EXPECT(errors_return);
	return MPI_ERR_COUNT;
}

int MPI_Error_string(int code, char *text, int *length) {
	EXPECT(code == MPI_ERR_COUNT);
	*length = snprintf(text, MPI_MAX_ERROR_STRING, "no 13 bytes");
	return 0;
}

int MPI_Abort(void *comm, int code) {
	EXPECT(comm == MPI_COMM_WORLD);
	exit(code);
}

int MPI_Finalize(void) { return 0; }
