# SPDX-License-Identifier: BSD-2-Clause
"""QUIC's first packets, sealed here (RFC 9001 section 5, RFC 9369); ciphers by libcrypto."""
import ctypes
import ctypes.util
import hashlib
import hmac
import struct

import frames as f

V1, V2 = 1, 0x6b3343cf
SALTS = {V1: '38762cf7f55934b34d179ae6a4c80cadccbb7f0a', V2: '0dede3def700a6db819381be6e269dcbf9bd2ed9'}
GET_TAG = 0x10


def library():
    name = ctypes.util.find_library('crypto')
    crypto = ctypes.CDLL(name) if name else None
    if crypto:
        for call in ('EVP_CIPHER_CTX_new', 'EVP_aes_128_gcm', 'EVP_aes_128_ecb'):
            getattr(crypto, call).restype = ctypes.c_void_p
    return crypto


CRYPTO = library()


def encrypt(cipher, key, iv, data, header=None):
    """With a header: sealed, the tag behind."""
    context, n = ctypes.c_void_p(CRYPTO.EVP_CIPHER_CTX_new()), ctypes.c_int()
    out = ctypes.create_string_buffer(len(data) + 32)
    CRYPTO.EVP_EncryptInit_ex(context, ctypes.c_void_p(getattr(CRYPTO, cipher)()), None, key, iv)
    if header is not None:
        CRYPTO.EVP_EncryptUpdate(context, None, ctypes.byref(n), header, len(header))
    CRYPTO.EVP_EncryptUpdate(context, out, ctypes.byref(n), data, len(data))
    sealed = out.raw[:len(data)]
    if header is not None:
        CRYPTO.EVP_EncryptFinal_ex(context, out, ctypes.byref(n))
        CRYPTO.EVP_CIPHER_CTX_ctrl(context, GET_TAG, 16, out)
        sealed += out.raw[:16]
    CRYPTO.EVP_CIPHER_CTX_free(context)
    return sealed


def expand(secret, label, size):
    label = b'tls13 ' + label
    return hmac.new(secret, struct.pack('>H', size) + f.vector(1, label) + b'\0\1', hashlib.sha256).digest()[:size]


def varint(value):
    return struct.pack('>H', 0x4000 | value)


def crypto_frame(data, offset=0):
    return b'\6' + varint(offset) + varint(len(data)) + data


def initial(frames, dcid, version=V1, keys=None, side=b'client in', scid=b'', token=b'', number=0, size=1200):
    """One padded Initial; keys: the id that they come from."""
    second = version == V2
    secret = expand(hmac.new(bytes.fromhex(SALTS[version]), dcid if keys is None else keys, hashlib.sha256).digest(), side, 32)
    key, iv, mask = (expand(secret, (b'quicv2 ' if second else b'quic ') + x, n) for x, n in ((b'key', 16), (b'iv', 12), (b'hp', 16)))
    head = bytes((0xc3 + (0x10 if second else 0),)) + struct.pack('>I', version) + f.vector(1, dcid) + f.vector(1, scid) + varint(len(token)) + token
    frames += bytes(max(0, size - len(head) - 2 - 4 - 16 - len(frames)))
    head += varint(4 + len(frames) + 16) + struct.pack('>I', number)
    nonce = iv[:8] + bytes(a ^ b for a, b in zip(iv[8:], struct.pack('>I', number)))
    sealed = encrypt('EVP_aes_128_gcm', key, nonce, frames, head)
    bits = encrypt('EVP_aes_128_ecb', mask, None, sealed[:16])
    return bytes((head[0] ^ bits[0] & 15,)) + head[1:-4] + bytes(a ^ b for a, b in zip(head[-4:], bits[1:])) + sealed


def hello(name):
    return f.hello_body(name, extensions=[f.extension(43, b'\2\3\4'), f.extension(16, f.vector(2, f.vector(1, b'h3')))])


def connection(name, dcid, server=b'\x51' * 8, version=V1, hellos=None):
    """(side, datagram) of a handshake and of what follows."""
    first = hellos or [initial(crypto_frame(hello(name)), dcid, version)]
    answer = initial(b'\2\0\0\0\0' + crypto_frame(b'\2' + f.vector(3, bytes(90))), b'', version, dcid, b'server in', server)
    done = initial(b'\2\0\0\0\0', server, version, dcid, number=5)
    return [(0, x) for x in first] + [(1, answer), (0, done), (0, b'\x41' + server + bytes(60)), (1, b'\x41' + bytes(500))]


def retry(scid, version=V1):
    return bytes((0xf0 if version == V1 else 0xc0,)) + struct.pack('>I', version) + f.vector(1, b'') + f.vector(1, scid) + b'token' + bytes(16)


def negotiation(dcid, *versions):
    return b'\xca' + bytes(4) + f.vector(1, b'') + f.vector(1, dcid) + f.join(struct.pack('>I', v) for v in versions)
