/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bare_loop.c - read every packet of a capture and do nothing: what all tools pay
 *
 *   bare_loop TRACE.pcap
 */
#include <pcap/pcap.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *trace = argc == 2 ? pcap_open_offline(argv[1], error) : NULL;
	if (!trace) {
		fprintf(stderr, "bare_loop: %s\n", argc == 2 ? error : "give one capture");
		return 2;
	}
	struct pcap_pkthdr *header;
	const unsigned char *data;
	unsigned long packets = 0, bytes = 0;
	while (pcap_next_ex(trace, &header, &data) == 1) {
		packets++;
		bytes += header->caplen + data[0];
	}
	pcap_close(trace);
	printf("%lu packets, %lu\n", packets, bytes);
	return 0;
}
