/*
 * mlm_status.h: the one error convention of the project.  Public: installed beside mlmamba.h.
 *
 * Every function that can fail returns an mlm_status.  The function that detects the failure also
 * stores one line of text for its thread: what was found, what was wanted, and in which file, tensor
 * or option.  mlm_error_message() returns that line until the next failure on the same thread.
 */
#ifndef MLM_STATUS_H
#define MLM_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) && !defined(MLM_API)
#    define MLM_API __attribute__((visibility("default")))
#elif !defined(MLM_API)
#    define MLM_API
#endif

typedef enum mlm_status {
    MLM_OK            = 0,
    MLM_E_NOMEM       = -1,  /* host or device memory is exhausted, or a memory limit was reached   */
    MLM_E_IO          = -2,  /* the system refused: open, read, write, map                          */
    MLM_E_FORMAT      = -3,  /* a file's bytes are not what its format demands                      */
    MLM_E_CONFIG      = -4,  /* a config value is missing, of the wrong type, or out of its range   */
    MLM_E_SHAPE       = -5,  /* a tensor has other dimensions than its use demands                  */
    MLM_E_DTYPE       = -6,  /* a tensor has another element type than its use demands              */
    MLM_E_DEVICE      = -7,  /* the device is absent, failed, or was lost                           */
    MLM_E_UNSUPPORTED = -8,  /* valid, but this build or this backend cannot do it                  */
    MLM_E_RANGE       = -9,  /* an argument or a size is outside its documented limits              */
    MLM_E_CANCELLED   = -10, /* the caller asked to stop                                            */
    MLM_E_STATE       = -11, /* the call is valid, but not now (no picture was set, ...)            */
    MLM_E_NOTFOUND    = -12  /* a named file, tensor or device does not exist                       */
} mlm_status;

/* The name of a status, "MLM_E_IO" for instance.  Static string, never NULL. */
MLM_API const char *mlm_status_name(mlm_status status);

/*
 * One line about the last failure on this thread: no newline, valid UTF-8, at most 4 KB, control
 * characters escaped.  Borrowed: valid until the next failure on this thread.  "" before any failure.
 */
MLM_API const char *mlm_error_message(void);

#ifdef __cplusplus
}
#endif
#endif
