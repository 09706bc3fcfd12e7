# SPDX-License-Identifier: Apache-2.0
"""Sessions that move: archives as lists of parts, and what a session's positions are."""


def export(client, session, **options):
    """The archive as a list of serialized parts, so that another server's client can send them."""
    stream = client.call("Sessions", "ExportSession", {"id": session, **options})
    return [response.part.SerializeToString() for response in stream]


def import_(client, parts, session="", transcript_only=False):
    def messages():
        for part in parts:
            message = client.message(
                "ImportSessionRequest", {"id": session, "transcript_only": transcript_only}
            )
            message.part.ParseFromString(part)
            yield message

    client.message("ImportSessionRequest")
    return client.call("Sessions", "ImportSession", messages())


def parsed(client, part):
    message = client.message("ArchivePart")
    message.ParseFromString(part)
    return message


def turn_ends(client, session):
    """The position after each turn."""
    answer = client.call(
        "Sessions", "GetSession", {"id": session, "include_transcript": True}
    )
    ends, position = [], 0
    for turn in answer.transcript:
        position += len(turn.token_ids)
        ends.append(position)
    return ends
